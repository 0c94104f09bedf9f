//! GET /csrf_token.

use actix_web::web::{Data, Json};
use melo_protocol::rest::account::CsrfAnswer;
use melo_services::account;

use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
) -> Json<CsrfAnswer> {
    Json(CsrfAnswer {
        csrf_token: account::issue_csrf(&state.core, caller),
    })
}
