//! POST /chats/leave.

use actix_web::web::{Data, Json};
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::ChatRequest;
use melo_services::chats;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<ChatRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    chats::leave(&state.core, caller, body.chat_id.0).await?;
    Ok(Json(OkAnswer { ok: true }))
}
