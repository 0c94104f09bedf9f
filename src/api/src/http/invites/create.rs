//! POST /admin/invites.

use std::time::Duration;

use actix_web::web::{Data, Json};
use melo_protocol::rest::credentials::{InviteRequest, InviteView};
use melo_services::invites::{self, NewInvite};

use crate::error::ApiError;
use crate::extract::{Authenticated, Body, Traced};
use crate::state::State;
use crate::validate::Check;

/// Accounts that one invite is good for, at most.
const MAX_USES: u32 = 1000;
/// A year in minutes.
const MAX_MINUTES: u32 = 366 * 24 * 60;
/// Longest note, in characters.
const MAX_NOTE: usize = 200;

pub(crate) async fn handle(
    state: Data<State>,
    Authenticated(caller): Authenticated,
    Traced(origin): Traced,
    Body(body): Body<InviteRequest>,
) -> Result<Json<InviteView>, ApiError> {
    let new = parse(body)?;
    let (invite, code) = invites::create(&state.core, caller, &origin, new).await?;
    Ok(Json(InviteView {
        code: Some(code),
        ..super::view(invite)
    }))
}

fn parse(body: InviteRequest) -> Result<NewInvite, ApiError> {
    let mut check = Check::default();
    if !(1..=MAX_USES).contains(&body.uses) {
        check.refuse("uses", "must be 1 to 1000");
    }
    if !(1..=MAX_MINUTES).contains(&body.ttl_minutes) {
        check.refuse("ttl_minutes", "must be 1 to 527040");
    }
    if body
        .note
        .as_ref()
        .is_some_and(|note| note.chars().count() > MAX_NOTE)
    {
        check.refuse("note", "must be at most 200 characters");
    }
    check.finish()?;
    Ok(NewInvite {
        uses: body.uses,
        life: Duration::from_secs(u64::from(body.ttl_minutes) * 60),
        note: body.note.filter(|note| !note.is_empty()),
    })
}
