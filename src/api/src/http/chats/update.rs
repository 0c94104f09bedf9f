//! PUT /chats/{id}.

use std::ops::RangeInclusive;

use actix_web::web::{Data, Json, Path};
use melo_protocol::rest::avatar::OkAnswer;
use melo_protocol::rest::chats::UpdateRequest;
use melo_services::chats::{self, ChatChange};

use super::chat_of;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body};
use crate::state::State;
use crate::validate::Check;

/// Longest pause between two messages, in seconds (contract).
pub(super) const MAX_SLOW_MODE: u64 = 86_400;
/// Shorter, and nobody has read it.
const DISAPPEARING: RangeInclusive<u64> = 60..=31_536_000;
/// Shorter, and a phone in a tunnel loses messages.
const RETENTION: RangeInclusive<u64> = 3_600..=315_360_000;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    id: Path<String>,
    Body(body): Body<UpdateRequest>,
) -> Result<Json<OkAnswer>, ApiError> {
    let log = chat_of(&id)?;
    let change = parse(&body)?;
    chats::update(&state.core, caller, log, &change).await?;
    Ok(Json(OkAnswer { ok: true }))
}

fn parse(body: &UpdateRequest) -> Result<ChatChange, ApiError> {
    let mut check = Check::default();
    let title = body.title.as_ref();
    let title = title.and_then(|text| check.parse("title", text));
    let description = body.description.as_ref();
    let description = description.and_then(|text| check.parse("description", text));
    let slow_mode = body.slow_mode_seconds;
    if slow_mode.is_some_and(|seconds| seconds > MAX_SLOW_MODE) {
        check.refuse("slow_mode_seconds", "must be 0 to 86400");
    }
    let within = |seconds: Option<u64>, range: RangeInclusive<u64>| {
        seconds.is_none_or(|seconds| seconds == 0 || range.contains(&seconds))
    };
    if !within(body.disappearing_seconds, DISAPPEARING) {
        check.refuse("disappearing_seconds", "must be 0, or 60 to 31536000");
    }
    if !within(body.retention_seconds, RETENTION) {
        check.refuse("retention_seconds", "must be 0, or 3600 to 315360000");
    }
    check.finish()?;
    Ok(ChatChange {
        title,
        description,
        slow_mode: slow_mode.and_then(|seconds| u32::try_from(seconds).ok()),
        disappearing: body.disappearing_seconds,
        retention: body.retention_seconds,
        share_history: body.share_history,
        by_request: body.by_request,
    })
}
