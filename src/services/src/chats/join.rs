//! Comes into a chat with a code.

use melo_crypto::TokenHash;
use melo_domain::{ChatRole, LogId};
use melo_storage::chat_invites::{self, ChatInvite};
use melo_storage::chat_lists::{self, ChatList};

use super::ChatError;
use super::change::{Change, begin};
use super::people::Joined;
use crate::fault::in_turn;
use crate::limits::{self, Limit};
use crate::{Caller, Core};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A member from now on, or before.
    Joined,
    /// Those who run the chat are asked.
    Requested,
}

/// Joins with the code of an invite, or of a public chat.
pub async fn join(core: &Core, caller: Caller, code: &str) -> Result<(LogId, Entry), ChatError> {
    limits::take(core, Limit::Join, caller.uid).await?;
    let hash = TokenHash::of(code);
    // Which chat it is of never changes; whether it is good is asked in the transaction.
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let invite = chat_invites::find(db, keys, &hash).await?;
    let log = invite.ok_or(ChatError::InviteInvalid)?.chat;
    let entry = in_turn(|| attempt(core, caller, log, &hash)).await?;
    Ok((log, entry))
}

async fn attempt(
    core: &Core,
    caller: Caller,
    log: LogId,
    hash: &TokenHash,
) -> Result<Entry, ChatError> {
    let mut change = match begin(core, log, caller.uid).await {
        Err(ChatError::NotAMember) => return Err(ChatError::InviteInvalid),
        begun => begun?,
    };
    if change.member(caller.uid).await?.is_some() {
        return Ok(Entry::Joined);
    }
    let invite = good_invite(&change, hash).await?;
    let keys = &core.store.keys;
    let banned = chat_lists::find(&change.tx, keys, ChatList::Bans, log, caller.uid).await?;
    if banned.is_some() {
        return Err(ChatError::Banned);
    }
    let list = ChatList::Requests;
    let waits = chat_lists::find(&change.tx, keys, list, log, caller.uid).await?;
    if change.chat.by_request && waits.is_some() {
        return Ok(Entry::Requested);
    }
    if !chat_invites::take_use(&change.tx, invite.id).await? {
        return Err(ChatError::InviteInvalid);
    }
    let entry = if change.chat.by_request {
        change.request().await?;
        Entry::Requested
    } else {
        let how = (Joined::Invite, caller.uid);
        change.admit(caller.uid, ChatRole::Member, how).await?;
        Entry::Joined
    };
    change.commit().await?;
    Ok(entry)
}

async fn good_invite(change: &Change<'_>, hash: &TokenHash) -> Result<ChatInvite, ChatError> {
    let core = change.core;
    let invite = chat_invites::find(&change.tx, &core.store.keys, hash).await?;
    let is_good = |invite: &ChatInvite| {
        invite.chat == change.log()
            && invite.is_good(core.now())
            && (!invite.public || change.chat.is_public)
    };
    invite.filter(is_good).ok_or(ChatError::InviteInvalid)
}
