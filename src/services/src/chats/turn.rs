//! Slow mode: whose turn it is to write.

use std::time::Duration;

use melo_domain::{ChatAction, may_in_chat};
use melo_ephemeral::Kind;

use super::{ChatError, Room};
use crate::{Caller, Core};

/// Takes the caller's turn, if it is theirs. Those who run the chat need none.
pub(crate) async fn take_turn(core: &Core, room: &Room, caller: Caller) -> Result<(), ChatError> {
    let role = room.role(caller.uid)?;
    if may_in_chat(room.kind, role, ChatAction::SkipSlowMode, None) {
        return Ok(());
    }
    let id = format!("{} {}", room.log, caller.uid);
    let pause = Duration::from_secs(room.slow_mode.into());
    if core
        .ephemeral
        .claim(Kind::SlowMode, id.as_bytes(), pause)
        .await?
    {
        Ok(())
    } else {
        Err(ChatError::SlowMode(room.slow_mode.into()))
    }
}
