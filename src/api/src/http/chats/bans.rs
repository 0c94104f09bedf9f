//! GET /chats/{id}/bans, POST /chats/bans/add and /remove.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::{BansAnswer, MemberRequest, PeopleQuery};
use melo_services::chats;

use super::{MAX_PEOPLE, chat_of, listed, member_of, next_after, page_of};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
    Query(query): Query<PeopleQuery>,
) -> Result<Json<BansAnswer>, ApiError> {
    let (after, limit) = page_of(&query, MAX_PEOPLE)?;
    let found = chats::list_bans(&state.core, caller, chat_of(&id)?, after, limit).await?;
    Ok(Json(BansAnswer {
        next: next_after(&found, limit, |entry| entry.uid),
        bans: found.iter().map(listed).collect(),
    }))
}

pub(crate) async fn add(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<MemberRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    chats::ban(&state.core, caller, &origin, log, uid).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn lift(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<MemberRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    chats::lift_ban(&state.core, caller, &origin, log, uid).await?;
    Ok(Json(OkAnswer { ok: true }))
}
