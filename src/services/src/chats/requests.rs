//! Those who ask to be let in.

use melo_domain::{ChatAction, ChatRole, LogId, Uid};
use melo_storage::chat_lists::{self, ChatList, Listed};

use super::change::begin;
use super::people::Joined;
use super::{ChatError, room_of};
use crate::fault::in_turn;
use crate::{Caller, Core};

/// Those who wait, after `after`.
pub async fn list_requests(
    core: &Core,
    caller: Caller,
    log: LogId,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<Listed>, ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::ManageInvites)?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    Ok(chat_lists::of_chat(db, keys, ChatList::Requests, log, after, limit).await?)
}

/// Lets somebody in who asked, or takes the request away without telling them.
pub async fn answer_request(
    core: &Core,
    caller: Caller,
    log: LogId,
    uid: Uid,
    approve: bool,
) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, log, uid, approve)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    log: LogId,
    uid: Uid,
    approve: bool,
) -> Result<(), ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    change.allow(ChatAction::ManageInvites).await?;
    if !chat_lists::remove(&change.tx, ChatList::Requests, log, uid).await? {
        return Err(ChatError::NotFound);
    }
    if approve && change.member(uid).await?.is_none() {
        let how = (Joined::Request, caller.uid);
        change.admit(uid, ChatRole::Member, how).await?;
    }
    change.commit().await
}
