//! POST /account/delete.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::access::PasswordRequest;
use melo_services::account;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::credentials;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<PasswordRequest>,
) -> Result<Json<StatusAnswer>, ApiError> {
    account::delete(&state.core, caller, &origin, credentials(body)?).await?;
    Ok(Json(StatusAnswer::of("deleted")))
}
