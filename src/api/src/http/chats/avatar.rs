//! POST, DELETE and GET /chats/{id}/avatar.

use actix_web::web::{Data, Json, Path};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use melo_protocol::rest::avatar::{AvatarAnswer, OkAnswer};
use melo_services::avatar::MAX_UPLOAD;
use melo_services::chats;

use super::chat_of;
use crate::error::ApiError;
use crate::extract::Authenticated;
use crate::state::State;
use crate::upload::FileField;

pub(crate) async fn upload(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
    FileField(file): FileField<MAX_UPLOAD>,
) -> Result<Json<OkAnswer>, ApiError> {
    chats::set_avatar(&state.core, caller, chat_of(&id)?, file).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn remove(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
) -> Result<Json<OkAnswer>, ApiError> {
    chats::remove_avatar(&state.core, caller, chat_of(&id)?).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn view(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
) -> Result<Json<AvatarAnswer>, ApiError> {
    let (image, mime) = chats::avatar(&state.core, caller, chat_of(&id)?).await?;
    Ok(Json(AvatarAnswer {
        ok: true,
        encrypted_avatar: URL_SAFE.encode(&image),
        mime,
    }))
}
