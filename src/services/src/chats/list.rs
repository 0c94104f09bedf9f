//! The chats of a person, in a constant number of queries.

use std::collections::HashMap;

use melo_domain::{ChatRole, LogId, Seq, Timestamp, Uid};
use melo_storage::chat_members::{self, Membership};
use melo_storage::chats::{self, Chat};
use melo_storage::unread::unread;
use melo_storage::{StorageError, chat_invites, cursors, events, logs};

use super::ChatError;
use crate::{Caller, Core};

/// A chat, as one of its members sees it.
#[derive(Debug, Clone)]
pub struct ChatCard {
    /// The chat.
    pub chat: Chat,
    /// The reader's rank.
    pub role: ChatRole,
    /// The code of a public chat.
    pub public_code: Option<melo_domain::Secret>,
    /// People in it.
    pub members: u64,
    /// The newest event.
    pub last_seq: Seq,
    /// How far the reader has read, on any device.
    pub read_seq: Seq,
    /// Messages by others after that.
    pub unread: u64,
    /// When the last message was written, of those that are for the reader.
    pub last_message: Option<Timestamp>,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatsPage {
    /// Pages count from 1.
    Numbered {
        /// Which.
        page: u32,
        /// Entries on it.
        per_page: u32,
    },
    /// Those after a chat.
    After {
        /// Which.
        after: Option<LogId>,
        /// So many at most.
        limit: u32,
    },
}

/// One page of the caller's chats, in the order of their ids, and how many there are.
pub async fn list(
    core: &Core,
    caller: Caller,
    page: ChatsPage,
) -> Result<(Vec<ChatCard>, u64), ChatError> {
    let (after, offset, limit) = match page {
        ChatsPage::Numbered { page, per_page } => {
            let offset = u64::from(page.saturating_sub(1)) * u64::from(per_page);
            (None, offset, per_page)
        }
        ChatsPage::After { after, limit } => (after, 0, limit),
    };
    let db = core.store.db.read();
    let total = chat_members::count_of_person(db, caller.uid).await?;
    let found = chat_members::of_person(db, caller.uid, after, offset, limit.into()).await?;
    Ok((cards(core, caller.uid, &found).await?, total))
}

/// One of the caller's chats.
pub async fn view(core: &Core, caller: Caller, log: LogId) -> Result<ChatCard, ChatError> {
    let found = chat_members::membership(core.store.db.read(), caller.uid, log).await?;
    let found = found.ok_or(ChatError::NotAMember)?;
    let cards = cards(core, caller.uid, &[found]).await?;
    cards.into_iter().next().ok_or(ChatError::NotAMember)
}

async fn cards(
    core: &Core,
    reader: Uid,
    found: &[Membership],
) -> Result<Vec<ChatCard>, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let ids: Vec<LogId> = found.iter().map(|m| m.log).collect();
    let mut chats = chats::by_ids(db, keys, &ids).await?;
    let mut codes = chat_invites::public_codes(db, keys, &ids).await?;
    let counts = chat_members::counts(db, &ids).await?;
    let bounds = logs::bounds_of(db, &ids).await?;
    let read = read_positions(core, reader, &ids).await?;
    let marks: Vec<(LogId, Seq)> = found
        .iter()
        .map(|m| {
            let read = read.get(&m.log).copied().unwrap_or(0);
            (m.log, read.max(m.from_seq.saturating_sub(1)))
        })
        .collect();
    let unread = unread(db, reader, &marks).await?;
    let from: Vec<(LogId, Seq)> = found.iter().map(|m| (m.log, m.from_seq)).collect();
    let last_messages = events::last_messages(db, keys, &from).await?;
    let card = |m: &Membership| {
        Some(ChatCard {
            chat: chats.remove(&m.log)?,
            role: m.role,
            public_code: codes.remove(&m.log),
            members: counts.get(&m.log).copied().unwrap_or(0),
            last_seq: bounds.get(&m.log).map_or(0, |b| b.last_seq),
            read_seq: read.get(&m.log).copied().unwrap_or(0),
            unread: unread.get(&m.log).copied().unwrap_or(0),
            last_message: last_messages.get(&m.log).copied(),
        })
    };
    Ok(found.iter().filter_map(card).collect())
}

/// How far a person has read in each log: as far as their furthest device.
async fn read_positions(
    core: &Core,
    reader: Uid,
    logs: &[LogId],
) -> Result<HashMap<LogId, Seq>, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let mut read: HashMap<LogId, Seq> = HashMap::with_capacity(logs.len());
    let mut devices = Vec::new();
    for (device, position) in cursors::of_person(db, keys, reader, logs).await? {
        devices.push(device);
        if let Some((log, position)) = position {
            let furthest = read.entry(log).or_default();
            *furthest = position.read.max(*furthest);
        }
    }
    devices.dedup();
    // What was read within the last second is not on disk yet.
    for device in devices {
        for log in logs {
            let newest = core
                .cursors
                .newest(device, *log, cursors::Position::default());
            if newest.read > 0 {
                let furthest = read.entry(*log).or_default();
                *furthest = newest.read.max(*furthest);
            }
        }
    }
    Ok(read)
}
