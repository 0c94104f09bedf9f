//! A new invite.

use std::time::Duration;

use melo_domain::{ChatAction, LogId};
use melo_storage::chat_invites::{self, ChatInvite};
use serde_json::json;

use super::ChatError;
use super::change::begin;
use super::set_public::new_invite;
use crate::audit::Action;
use crate::fault::in_turn;
use crate::limits::{self, Limit};
use crate::{Caller, Core, Origin};

/// Makes a code that lets people in for some time, or so many of them.
pub async fn create_invite(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    life: Duration,
    uses: Option<u32>,
) -> Result<ChatInvite, ChatError> {
    limits::take(core, Limit::ChatInvite, caller.uid).await?;
    in_turn(|| attempt(core, caller, origin, log, life, uses)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    life: Duration,
    uses: Option<u32>,
) -> Result<ChatInvite, ChatError> {
    let change = begin(core, log, caller.uid).await?;
    change.allow(ChatAction::ManageInvites).await?;
    if chat_invites::count(&change.tx, log).await? >= core.policy.chats.invites {
        return Err(ChatError::LimitReached(
            "this chat has as many invites as one may have; revoke one",
        ));
    }
    let invite = ChatInvite {
        uses_left: uses,
        expires: Some(core.now().plus(life)),
        ..new_invite(&change)
    };
    chat_invites::insert(&change.tx, &core.store.keys, &invite).await?;
    let details = json!({ "invite": invite.id, "uses": uses, "expires": invite.expires });
    change
        .record(origin, Action::ChatInviteCreate, &details)
        .await?;
    change.commit().await?;
    Ok(invite)
}
