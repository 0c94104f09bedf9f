//! GET /chats/{id}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::chats::ChatView;
use melo_services::chats;

use super::{chat_of, view_of};
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
) -> Result<Json<ChatView>, ApiError> {
    let card = chats::view(&state.core, caller, chat_of(&id)?).await?;
    Ok(Json(view_of(card)))
}
