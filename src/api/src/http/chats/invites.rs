//! POST /invites/create, GET /invites, DELETE /invites/{id}.

use std::time::Duration;

use actix_web::web::{Data, Json, Path, Query};
use melo_domain::ChatId;
use melo_protocol::ErrorCode;
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::{
    InviteAnswer, InviteRequest, InviteView, InvitesAnswer, InvitesQuery,
};
use melo_services::chats::{self, ChatInvite};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

/// An hour (contract).
const USUAL_MINUTES: u32 = 60;
/// A year in minutes.
const MAX_MINUTES: u32 = 366 * 24 * 60;
/// As many as the largest chat has.
const MAX_USES: u32 = 100_000;

pub(crate) async fn create(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<InviteRequest>,
) -> Result<Json<InviteAnswer>, ApiError> {
    let mut check = Check::default();
    let minutes = body.ttl_minutes.unwrap_or(USUAL_MINUTES);
    if !(1..=MAX_MINUTES).contains(&minutes) {
        check.refuse("ttl_minutes", "must be 1 to 527040");
    }
    if body.max_uses.is_some_and(|n| !(1..=MAX_USES).contains(&n)) {
        check.refuse("max_uses", "must be 1 to 100000");
    }
    check.finish()?;
    let (log, life) = (body.chat_id.0, Duration::from_secs(u64::from(minutes) * 60));
    let made = chats::create_invite(&state.core, caller, &origin, log, life, body.max_uses).await?;
    Ok(Json(InviteAnswer {
        ok: true,
        code: made.code,
        expires_in: life.as_secs(),
        id: made.id.unsigned_abs(),
    }))
}

pub(crate) async fn list(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Query(query): Query<InvitesQuery>,
) -> Result<Json<InvitesAnswer>, ApiError> {
    let mut check = Check::default();
    let chat = check.parse::<ChatId>("chat_id", &query.chat_id);
    check.finish()?;
    let found = chats::list_invites(&state.core, caller, checked(chat)?.0).await?;
    Ok(Json(InvitesAnswer {
        invites: found.into_iter().map(view).collect(),
    }))
}

fn view(invite: ChatInvite) -> InviteView {
    InviteView {
        id: invite.id.unsigned_abs(),
        code: invite.code,
        created_by: invite.created_by,
        created_at: invite.created,
        expires_at: invite.expires,
        uses: invite.uses,
        uses_left: invite.uses_left,
    }
}

pub(crate) async fn revoke(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    id: Path<String>,
) -> Result<Json<OkAnswer>, ApiError> {
    let unknown = |_| ApiError::new(ErrorCode::NotFound, "there is no such invite");
    let id = id.parse().map_err(unknown)?;
    chats::revoke_invite(&state.core, caller, &origin, id).await?;
    Ok(Json(OkAnswer { ok: true }))
}
