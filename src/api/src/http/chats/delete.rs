//! DELETE /chats/{id}.

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::avatar::OkAnswer;
use melo_services::chats;

use super::chat_of;
use crate::error::ApiError;
use crate::extract::{Authenticated, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    id: Path<String>,
) -> Result<Json<OkAnswer>, ApiError> {
    chats::delete(&state.core, caller, &origin, chat_of(&id)?).await?;
    Ok(Json(OkAnswer { ok: true }))
}
