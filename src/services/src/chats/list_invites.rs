//! The invites of a chat.

use melo_domain::{ChatAction, LogId};
use melo_storage::chat_invites::{self, ChatInvite};

use super::{ChatError, room_of};
use crate::{Caller, Core};

/// The invites that are still good, newest first, with their codes.
pub async fn list_invites(
    core: &Core,
    caller: Caller,
    log: LogId,
) -> Result<Vec<ChatInvite>, ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::ManageInvites)?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let mut invites = chat_invites::of_chat(db, keys, log).await?;
    let now = core.now();
    invites.retain(|invite| invite.is_good(now));
    Ok(invites)
}
