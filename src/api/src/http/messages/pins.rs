//! GET /messages/pins/dm/{uid} and GET /chats/{chat_id}/pins.

use actix_web::web::{Data, Json, Path};
use melo_domain::ChatId;
use melo_protocol::rest::messages::{PinView, PinsAnswer};
use melo_services::Caller;
use melo_services::messages::{self, Destination};

use super::view::view;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn direct(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    other: Path<String>,
) -> Result<Json<PinsAnswer>, ApiError> {
    let mut check = Check::default();
    let other = check.parse("uid", &other).map(Destination::Person);
    check.finish()?;
    list(&state, caller, checked(other)?).await
}

pub(crate) async fn chat(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    chat: Path<String>,
) -> Result<Json<PinsAnswer>, ApiError> {
    let mut check = Check::default();
    let chat: Option<ChatId> = check.parse("chat_id", &chat);
    check.finish()?;
    list(&state, caller, Destination::Chat(checked(chat)?.0)).await
}

async fn list(
    state: &State,
    caller: Caller,
    of: Destination,
) -> Result<Json<PinsAnswer>, ApiError> {
    let found = messages::pinned(&state.core, caller, of).await?;
    let kid = found.kid.as_deref();
    let pins = found.pins.iter().map(|pin| PinView {
        message: view(&pin.message, kid),
        pinned_by: pin.by,
        pinned_at: pin.at,
    });
    Ok(Json(PinsAnswer {
        pins: pins.collect(),
        log: found.log,
    }))
}
