//! GET /chats/{id}/keys.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::chats::{ChatKeysAnswer, PeopleQuery};
use melo_services::chats;

use super::{MAX_KEYS, chat_of, next_after, page_of};
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::http::keys::entry_of;
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
    Query(query): Query<PeopleQuery>,
) -> Result<Json<ChatKeysAnswer>, ApiError> {
    let (after, limit) = page_of(&query, MAX_KEYS)?;
    let found = chats::key_directory(&state.core, caller, chat_of(&id)?, after, limit).await?;
    let next = next_after(&found, limit, |(uid, _)| *uid);
    let keys = found.into_iter().map(|(uid, entry)| entry_of(uid, entry));
    Ok(Json(ChatKeysAnswer {
        keys: keys.collect(),
        next,
    }))
}
