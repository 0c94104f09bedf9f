//! POST /status/typing.

use actix_web::web::{Data, Json};
use melo_protocol::rest::StatusAnswer;
use melo_protocol::rest::presence::TypingRequest;
use melo_services::messages::Destination;
use melo_services::typing;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<TypingRequest>,
) -> Result<Json<StatusAnswer>, ApiError> {
    match place(&body)? {
        Some(place) => typing::start(&state.core, caller, place).await?,
        None => typing::stop_all(&state.core, caller).await?,
    }
    Ok(Json(StatusAnswer::of("ok")))
}

fn place(body: &TypingRequest) -> Result<Option<Destination>, ApiError> {
    if let Some(chat) = body.chat_id {
        return Ok(Some(Destination::Chat(chat.0)));
    }
    let Some(target) = &body.target_id else {
        return Ok(None);
    };
    let mut check = Check::default();
    let target = check.parse("target_id", target);
    check.finish()?;
    Ok(Some(Destination::Person(checked(target)?)))
}
