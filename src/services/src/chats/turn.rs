//! Slow mode: whose turn it is to write.

use std::time::Duration;

use melo_domain::{ChatAction, may_in_chat};
use melo_ephemeral::{Claim, Kind};

use super::{ChatError, Room};
use crate::{Caller, Core, limits};

/// Takes the caller's turn, if it is theirs. Those who run the chat need none.
pub(crate) async fn take_turn(core: &Core, room: &Room, caller: Caller) -> Result<(), ChatError> {
    let role = room.role(caller.uid)?;
    if may_in_chat(room.kind, role, ChatAction::SkipSlowMode, None) {
        return Ok(());
    }
    let id = format!("{} {}", room.log, caller.uid);
    let pause = Duration::from_secs(room.slow_mode.into());
    let claim = core
        .ephemeral
        .claim_or_wait(Kind::SlowMode, id.as_bytes(), pause);
    match claim.await? {
        Claim::First => Ok(()),
        Claim::Taken(left) => Err(ChatError::SlowMode(limits::whole_seconds(left))),
    }
}
