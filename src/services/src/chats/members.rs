//! Who is in a chat, for those who are.

use std::collections::HashMap;

use melo_domain::{ChatAction, LogId, Timestamp, Uid};
use melo_storage::chat_members::{self, Member};
use melo_storage::{accounts, blocks};

use super::{ChatError, room_of};
use crate::{Caller, Core};

/// A member.
#[derive(Debug, Clone)]
pub struct MemberCard {
    /// Who, as what.
    pub member: Member,
    /// As they entered it; not between people of whom one has blocked the other.
    pub nickname: Option<String>,
    /// Since when.
    pub joined: Timestamp,
}

/// Members after `after`, in the order of their ids, in a constant number of queries.
pub async fn members(
    core: &Core,
    caller: Caller,
    log: LogId,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<MemberCard>, ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::Read)?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let page = chat_members::page(db, keys, log, after, limit).await?;
    let uids: Vec<Uid> = page.iter().map(|(member, _)| member.uid).collect();
    let cards = accounts::cards(db, keys, &uids).await?;
    let mut names: HashMap<Uid, String> = cards.into_iter().map(|c| (c.uid, c.nickname)).collect();
    for uid in blocks::around(db, caller.uid).await? {
        names.remove(&uid);
    }
    let card = |(member, joined): (Member, Timestamp)| MemberCard {
        nickname: names.remove(&member.uid),
        member,
        joined,
    };
    Ok(page.into_iter().map(card).collect())
}
