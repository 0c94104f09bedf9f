//! Tells contacts of changes. A change waits a moment first, and longer when somebody left, so that who comes back at
//! once was never gone; then so many people at a time are looked at, and only what differs from what contacts were
//! last told becomes a frame. A thousand people who reconnect cost a thousand looks and not one frame.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use melo_domain::{PresenceStatus, Privacy, Relation, Timestamp, Uid, Whereabouts};
use melo_ephemeral::Kind;
use melo_protocol::frame::StatusChange;
use melo_realtime::BusMessage;
use melo_storage::{blocks, contacts};
use parking_lot::Mutex;

use super::attend::TOLD_LIFE;
use super::marks::{Live, Mark, end_mark, put_mark, read};
use super::seen::last_seen;
use crate::people::privacies_of;
use crate::{Core, Fault};

/// A change waits this long for more of it.
const GATHER: Duration = Duration::from_secs(1);
/// Who left may come back within this time, and was never gone.
const GRACE: Duration = Duration::from_secs(10);
/// Contacts are told of one person's changes at most once in this time.
const APART: Duration = Duration::from_secs(5);
/// People looked at in one tick.
const BATCH: usize = 200;
/// People whose changes wait, at most. What is not taken is not told; it is seen by whoever asks.
const MOST: usize = 100_000;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A connection was opened.
    Came,
    /// The last connection of a device was closed.
    Left,
    /// A device said something of itself, or a switch was changed.
    Said,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// When it is looked at.
    due: Timestamp,
    /// Until when they may come back, if they left.
    grace: Timestamp,
}

/// Bounded: one entry a person, and [`MOST`] in all.
#[derive(Default)]
pub(super) struct Changes {
    waiting: Mutex<HashMap<Uid, Waiting>>,
    ticking: tokio::sync::Mutex<()>,
}

impl Changes {
    fn add(&self, uid: Uid, due: Timestamp, grace: Timestamp) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= MOST && !waiting.contains_key(&uid) {
            tracing::warn!("too many changes of presence at once; some are not told");
            return;
        }
        let entry = waiting.entry(uid).or_insert(Waiting { due, grace });
        entry.due = entry.due.min(due);
        entry.grace = entry.grace.max(grace);
    }

    fn take_due(&self, now: Timestamp) -> Vec<(Uid, Waiting)> {
        let mut waiting = self.waiting.lock();
        let due = waiting.iter().filter(|(_, entry)| entry.due <= now);
        let due: Vec<Uid> = due.map(|(uid, _)| *uid).take(BATCH).collect();
        due.iter()
            .filter_map(|uid| waiting.remove(uid).map(|entry| (*uid, entry)))
            .collect()
    }
}

pub(super) fn note_change(core: &Core, uid: Uid, change: Change) {
    let now = core.now();
    let (due, grace) = match change {
        Change::Came | Change::Said => (now.plus(GATHER), now),
        Change::Left => (now.plus(GRACE), now.plus(GRACE)),
    };
    core.presence.changes.add(uid, due, grace);
}

/// What others are let see of `uid` is not what it was.
pub(crate) fn note(core: &Core, uid: Uid) {
    note_change(core, uid, Change::Said);
}

/// Nothing of `uid` is known any more: the account is gone.
pub(crate) async fn forget(core: &Core, uid: Uid) {
    core.presence.changes.waiting.lock().remove(&uid);
    let id = uid.to_string();
    if let Err(error) = core.ephemeral.forget(Kind::Presence, id.as_bytes()).await {
        // It runs out.
        tracing::warn!(%error, "presence could not be forgotten");
    }
}

/// Tells contacts what is due. The server calls this every second.
pub async fn tick(core: &Core) -> Result<(), Fault> {
    let _one_at_a_time = core.presence.changes.ticking.lock().await;
    let now = core.now();
    let taken = core.presence.changes.take_due(now);
    if taken.is_empty() {
        return Ok(());
    }
    let told = look(core, &taken, now).await;
    if told.is_err() {
        for (uid, entry) in taken {
            core.presence
                .changes
                .add(uid, now.plus(GATHER), entry.grace);
        }
    }
    told
}

/// Somebody of whom contacts are to be told.
struct News {
    uid: Uid,
    status: PresenceStatus,
    live: Live,
    privacy: Privacy,
}

async fn look(core: &Core, taken: &[(Uid, Waiting)], now: Timestamp) -> Result<(), Fault> {
    let uids: Vec<Uid> = taken.iter().map(|(uid, _)| *uid).collect();
    let entries = read(core, &uids).await?;
    let privacies = privacies_of(core, &uids).await?;
    let changes = &core.presence.changes;
    let mut news = Vec::new();
    for (uid, waiting) in taken {
        let live = entries.get(uid).cloned().unwrap_or_default();
        let privacy = privacies.get(uid).copied().unwrap_or_default();
        if let Some(until) = live.until {
            // It ends by itself, and nobody says so.
            changes.add(*uid, until.plus(GATHER), now);
        }
        let visible = privacy.online.includes(Relation::Contact);
        let status = if visible {
            live.status
        } else {
            PresenceStatus::Offline
        };
        if status == live.told {
            continue;
        }
        if visible && status < live.told && now < waiting.grace {
            changes.add(*uid, waiting.grace, waiting.grace);
            continue;
        }
        let id = format!("apart {uid}");
        let first = core.ephemeral.claim(Kind::Presence, id.as_bytes(), APART);
        if first.await? {
            news.push(News {
                uid: *uid,
                status,
                live,
                privacy,
            });
        } else {
            changes.add(*uid, now.plus(GATHER), waiting.grace);
        }
    }
    if news.is_empty() {
        return Ok(());
    }
    announce(core, &news, now).await
}

async fn announce(core: &Core, news: &[News], now: Timestamp) -> Result<(), Fault> {
    let uids: Vec<Uid> = news.iter().map(|one| one.uid).collect();
    let db = core.store.db.read();
    let seen = last_seen(core, &uids).await?;
    let blocked = blocks::around_all(db, &uids).await?;
    let mut audiences: HashMap<Uid, Vec<Uid>> = HashMap::with_capacity(uids.len());
    for (uid, peer) in contacts::accepted_of(db, &uids).await? {
        if !blocked.contains(&(uid, peer)) {
            audiences.entry(uid).or_default().push(peer);
        }
    }
    for one in news {
        let told = Mark::Told { status: one.status };
        if one.status == PresenceStatus::Offline {
            end_mark(core, one.uid, told).await?;
        } else {
            put_mark(core, one.uid, told, TOLD_LIFE).await?;
        }
        let there = Whereabouts {
            status: one.status,
            away_since: one.live.away_since,
            seen: seen.get(&one.uid).copied(),
        };
        let shown = one.privacy.shown(Relation::Contact, there, now);
        let frame = StatusChange {
            user_id: one.uid,
            status: one.status,
            // Of one who left, when they were last there, if that is for contacts.
            timestamp: shown.last_seen.unwrap_or(now),
        };
        let Some(audience) = audiences.remove(&one.uid) else {
            continue;
        };
        // A struct of plain fields always serialises.
        if let Ok(text) = serde_json::to_string(&frame) {
            core.bus.publish(BusMessage::ToUsers {
                uids: Arc::from(audience),
                frame: text.into(),
            });
        }
    }
    Ok(())
}
