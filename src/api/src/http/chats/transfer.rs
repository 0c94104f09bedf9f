//! POST /chats/transfer.

use actix_web::web::{Data, Json};
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::MemberRequest;
use melo_services::chats;

use super::member_of;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<MemberRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    chats::transfer(&state.core, caller, &origin, log, uid).await?;
    Ok(Json(OkAnswer { ok: true }))
}
