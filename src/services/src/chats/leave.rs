//! Leaves a chat.

use melo_domain::{ChatAction, ChatRole, LogId};

use super::ChatError;
use super::change::begin;
use super::people::Left;
use crate::fault::in_turn;
use crate::{Caller, Core};

/// The caller is out from now on. An owner hands the chat on first, or deletes it.
pub async fn leave(core: &Core, caller: Caller, log: LogId) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, log)).await
}

async fn attempt(core: &Core, caller: Caller, log: LogId) -> Result<(), ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    let own = change.member(caller.uid).await?;
    if own.is_some_and(|own| own.role == ChatRole::Owner) {
        return Err(ChatError::OwnerStays);
    }
    change.allow(ChatAction::Leave).await?;
    change.part(caller.uid, Left::ByThemselves).await?;
    change.commit().await
}
