//! GET /chats/{id}/requests, POST /chats/requests/approve and /reject.

use actix_web::web::{Data, Json, Path, Query};
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::{MemberRequest, PeopleQuery, RequestsAnswer};
use melo_services::chats;

use super::{MAX_PEOPLE, chat_of, listed, member_of, next_after, page_of};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
    Query(query): Query<PeopleQuery>,
) -> Result<Json<RequestsAnswer>, ApiError> {
    let (after, limit) = page_of(&query, MAX_PEOPLE)?;
    let found = chats::list_requests(&state.core, caller, chat_of(&id)?, after, limit).await?;
    Ok(Json(RequestsAnswer {
        next: next_after(&found, limit, |entry| entry.uid),
        requests: found.iter().map(listed).collect(),
    }))
}

pub(crate) async fn approve(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<MemberRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    chats::answer_request(&state.core, caller, log, uid, true).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn reject(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<MemberRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    chats::answer_request(&state.core, caller, log, uid, false).await?;
    Ok(Json(OkAnswer { ok: true }))
}
