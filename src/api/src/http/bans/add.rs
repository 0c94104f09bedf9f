//! POST /admin/bans.

use std::time::Duration;

use actix_web::web::{Data, Json};
use melo_domain::{BanKind, Banned};
use melo_protocol::rest::bans::{BanRequest, BanView};
use melo_services::bans::{self, MAX_REASON_CHARS, NewBan};

use super::view;
use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::{Check, checked};

/// Ten years in seconds: whoever means longer means for good.
const LONGEST: u64 = 10 * 365 * 24 * 3600;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<BanRequest>,
) -> Result<Json<BanView>, ApiError> {
    let mut check = Check::default();
    let kind = check.parse::<BanKind>("kind", &body.kind);
    let banned = kind.and_then(|kind| check.take("value", Banned::parse(kind, &body.value)));
    if body.reason.chars().count() > MAX_REASON_CHARS {
        check.refuse("reason", "must be at most 500 characters long");
    }
    if body.expires_in.is_some_and(|s| !(1..=LONGEST).contains(&s)) {
        check.refuse(
            "expires_in",
            format!("must be 1 to {LONGEST} seconds; leave it out for a ban that stays"),
        );
    }
    check.finish()?;
    let now = state.core.now();
    let new = NewBan {
        banned: checked(banned)?,
        reason: body.reason,
        expires: body.expires_in.map(|s| now.plus(Duration::from_secs(s))),
    };
    let ban = bans::add(&state.core, caller, &origin, &new).await?;
    Ok(Json(view(ban, now)))
}
