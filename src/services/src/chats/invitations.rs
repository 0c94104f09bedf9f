//! Chats that somebody was asked to come into.

use std::collections::HashMap;

use melo_domain::{ChatRole, LogId};
use melo_storage::chat_lists::{self, ChatList, Listed};
use melo_storage::chats::{self, Chat};

use super::ChatError;
use super::change::begin;
use super::people::Joined;
use crate::fault::in_turn;
use crate::{Caller, Core};

/// Invitations in one answer, at most.
const MOST: u64 = 500;

/// The chats that the caller was asked to come into, and by whom, in the order of their ids.
pub async fn list_invitations(
    core: &Core,
    caller: Caller,
) -> Result<Vec<(Listed, Chat)>, ChatError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let list = ChatList::Invitations;
    let listed = chat_lists::of_person(db, keys, list, caller.uid, MOST).await?;
    let ids: Vec<LogId> = listed.iter().map(|entry| entry.chat).collect();
    let mut chats: HashMap<LogId, Chat> = chats::by_ids(db, keys, &ids).await?;
    let with_chat = |entry: Listed| Some((entry, chats.remove(&entry.chat)?));
    Ok(listed.into_iter().filter_map(with_chat).collect())
}

/// Comes in, or stays out without telling anybody.
pub async fn answer_invitation(
    core: &Core,
    caller: Caller,
    log: LogId,
    accept: bool,
) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, log, accept)).await
}

async fn attempt(core: &Core, caller: Caller, log: LogId, accept: bool) -> Result<(), ChatError> {
    let mut change = match begin(core, log, caller.uid).await {
        Err(ChatError::NotAMember) => return Err(ChatError::NotFound),
        begun => begun?,
    };
    let (tx, keys, list) = (&change.tx, &core.store.keys, ChatList::Invitations);
    let invited = chat_lists::find(tx, keys, list, log, caller.uid).await?;
    let invited = invited.ok_or(ChatError::NotFound)?;
    chat_lists::remove(tx, list, log, caller.uid).await?;
    if accept {
        let how = (Joined::Invitation, invited.by);
        change.admit(caller.uid, ChatRole::Member, how).await?;
    }
    change.commit().await
}
