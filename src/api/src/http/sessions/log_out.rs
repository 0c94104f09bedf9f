//! POST /logout.

use actix_web::HttpResponse;
use actix_web::web::Data;
use melo_protocol::rest::StatusAnswer;
use melo_services::sessions;

use crate::cookie;
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
) -> Result<HttpResponse, ApiError> {
    sessions::log_out(&state.core, caller, &origin).await?;
    Ok(HttpResponse::Ok()
        .cookie(cookie::removal())
        .json(StatusAnswer::of("ok")))
}
