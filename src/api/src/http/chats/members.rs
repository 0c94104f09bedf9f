//! POST /chats/members/add, /remove and /role, GET /chats/{id}/members.

use actix_web::web::{Data, Json, Path, Query};
use melo_domain::ChatRole;
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::{
    AddAnswer, MemberRequest, MemberView, MembersAnswer, PeopleQuery, RoleRequest,
};
use melo_services::chats::{self, Addition};

use super::{MAX_PEOPLE, chat_of, member_of, next_after, page_of};
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

pub(crate) async fn add(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Body(body): Body<MemberRequest>,
) -> Result<Json<AddAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    let status = match chats::add_member(&state.core, caller, log, uid).await? {
        Addition::Added => "added",
        Addition::Invited => "invited",
        Addition::Member => "member",
    };
    Ok(Json(AddAnswer {
        ok: true,
        status: status.to_owned(),
    }))
}

pub(crate) async fn remove(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<MemberRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let (log, uid) = member_of(&body)?;
    chats::remove_member(&state.core, caller, &origin, log, uid).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn set_role(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<RoleRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let mut check = Check::default();
    let uid = check.parse("user_unique_id", &body.user_unique_id);
    let role = body.role.parse().ok();
    let role = role.filter(|role| *role != ChatRole::Owner);
    let role = check.take("role", role.ok_or("must be admin or member"));
    check.finish()?;
    let (log, uid, role) = (body.chat_id.0, checked(uid)?, checked(role)?);
    chats::set_role(&state.core, caller, &origin, log, uid, role).await?;
    Ok(Json(OkAnswer { ok: true }))
}

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
    Query(query): Query<PeopleQuery>,
) -> Result<Json<MembersAnswer>, ApiError> {
    let (after, limit) = page_of(&query, MAX_PEOPLE)?;
    let found = chats::members(&state.core, caller, chat_of(&id)?, after, limit).await?;
    let next = next_after(&found, limit, |card| card.member.uid);
    let members = found.into_iter().map(|card| MemberView {
        user_id: card.member.uid,
        nickname: card.nickname,
        role: card.member.role.as_str().to_owned(),
        joined_at: card.joined,
    });
    Ok(Json(MembersAnswer {
        members: members.collect(),
        next,
    }))
}
