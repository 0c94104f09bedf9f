//! Those who are kept out.

use melo_domain::{ChatAction, LogId, Uid};
use melo_storage::accounts;
use melo_storage::chat_lists::{self, ChatList, Listed};
use serde_json::json;

use super::change::begin;
use super::create::spend_on_stranger;
use super::people::Left;
use super::{ChatError, room_of};
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Those who are kept out, after `after`.
pub async fn list_bans(
    core: &Core,
    caller: Caller,
    log: LogId,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<Listed>, ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::ManageInvites)?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    Ok(chat_lists::of_chat(db, keys, ChatList::Bans, log, after, limit).await?)
}

/// Keeps somebody out, whatever way they try, and takes them out if they are in.
pub async fn ban(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    uid: Uid,
) -> Result<(), ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::RemoveMember)?;
    if room.role(uid).is_err() {
        spend_on_stranger(core, caller, uid).await?;
    }
    in_turn(|| async {
        let mut change = begin(core, log, caller.uid).await?;
        change.allow(ChatAction::RemoveMember).await?;
        // Held: a ban of somebody who leaves at this moment must not stay behind.
        if accounts::hold_standing(&change.tx, uid).await?.is_none() {
            return Err(ChatError::UserNotFound);
        }
        let keys = &core.store.keys;
        let known = chat_lists::find(&change.tx, keys, ChatList::Bans, log, uid).await?;
        if known.is_some() {
            return Ok(());
        }
        if change.member(uid).await?.is_some() {
            change.allow_on(ChatAction::RemoveMember, uid).await?;
            change.part(uid, Left::Banned).await?;
        }
        for list in [ChatList::Requests, ChatList::Invitations] {
            chat_lists::remove(&change.tx, list, log, uid).await?;
        }
        let banned = Listed {
            chat: log,
            uid,
            by: caller.uid,
            created: core.now(),
        };
        chat_lists::add(&change.tx, keys, ChatList::Bans, banned).await?;
        let details = json!({ "user": uid });
        change.record(origin, Action::ChatBan, &details).await?;
        change.commit().await
    })
    .await
}

/// Lets somebody come in again, if they are added or invited.
pub async fn lift_ban(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    uid: Uid,
) -> Result<(), ChatError> {
    in_turn(|| async {
        let change = begin(core, log, caller.uid).await?;
        change.allow(ChatAction::ManageInvites).await?;
        if !chat_lists::remove(&change.tx, ChatList::Bans, log, uid).await? {
            return Err(ChatError::NotFound);
        }
        let details = json!({ "user": uid });
        change.record(origin, Action::ChatUnban, &details).await?;
        change.commit().await
    })
    .await
}
