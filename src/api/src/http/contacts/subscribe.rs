//! POST /subscribe.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::contacts::SubscribeRequest;
use melo_services::contacts::{self, SubscribeInput};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<SubscribeRequest>,
) -> Result<Json<StatusAnswer>, ApiError> {
    let mut check = Check::default();
    let target = check.parse("target_id", &body.target_id);
    check.finish()?;
    let input = SubscribeInput {
        target: checked(target)?,
        secret: body.secret,
        csrf_token: body.csrf_token,
    };
    contacts::subscribe(&state.core, caller, &input).await?;
    Ok(Json(StatusAnswer::of("subscription_requested")))
}
