//! POST /subscribe/cancel.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::contacts::EndRequest;
use melo_services::contacts;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<EndRequest>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let target = check.parse("target_id", &body.target_id);
    check.finish()?;
    contacts::cancel(&state.core, caller, checked(target)?, &body.csrf_token).await?;
    Ok(Json(StatusAnswer::of("cancelled")))
}
