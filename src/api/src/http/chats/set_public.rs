//! POST /`chats/set_public`.

use actix_web::web::{Data, Json};
use melo_protocol::rest::chats::{SetPublicAnswer, SetPublicRequest};
use melo_services::chats;

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<SetPublicRequest>,
) -> Result<Json<SetPublicAnswer>, ApiError> {
    let (log, is_public) = (body.chat_id.0, body.is_public);
    let invite = chats::set_public(&state.core, caller, &origin, log, is_public).await?;
    Ok(Json(SetPublicAnswer { ok: true, invite }))
}
