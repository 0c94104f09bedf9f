//! Adds somebody to a chat.

use melo_domain::{ChatAction, LogId, Uid};

use super::change::begin;
use super::create::spend_on_stranger;
use super::people::Addition;
use super::{ChatError, room_of};
use crate::fault::in_turn;
use crate::{Caller, Core};

/// A contact of the caller's is in the chat from now on; anybody else is asked.
pub async fn add_member(
    core: &Core,
    caller: Caller,
    log: LogId,
    uid: Uid,
) -> Result<Addition, ChatError> {
    // Judged again in the transaction: this keeps those who may not from asking who there is.
    room_of(core, caller.uid, log)
        .await?
        .allow(caller.uid, ChatAction::AddMember)?;
    spend_on_stranger(core, caller, uid).await?;
    in_turn(|| attempt(core, caller, log, uid)).await
}

async fn attempt(core: &Core, caller: Caller, log: LogId, uid: Uid) -> Result<Addition, ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    change.allow(ChatAction::AddMember).await?;
    let done = change.add_or_invite(uid).await?;
    change.commit().await?;
    Ok(done)
}
