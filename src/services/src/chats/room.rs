//! What the message path needs to know of a chat, remembered for a short while: who is in it and as what, by which
//! rules it goes, which devices its members have, which keys were found good. One memory a chat, forgotten as a whole
//! whenever anything of that changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use melo_domain::{ChatAction, ChatRole, LogId, LogKind, Seq, Timestamp, Uid, may_in_chat};
use melo_realtime::{BusMessage, BusSubscriber};
use melo_storage::chat_keys::KeyRef;
use melo_storage::{Audience, Guard, StorageError, chat_members, chats, devices, logs};
use moka::sync::Cache;
use parking_lot::{Mutex, RwLock};
use tokio::sync::OnceCell;

use super::ChatError;
use crate::Core;
use crate::caches::DeviceKid;

/// How long a chat is remembered.
const LIFE: Duration = Duration::from_secs(30);
/// Chats remembered.
const ROOMS: u64 = 20_000;
/// How long it is remembered that a chat has changed.
const CHANGE_LIFE: Duration = Duration::from_secs(120);
/// Members whose devices are read in one query.
const CHUNK: usize = 500;

/// A key that this chat's messages may be sealed under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GoodKey {
    /// The event that brought it.
    pub seq: Seq,
    /// When it was made.
    pub made: Timestamp,
}

/// A chat, as the message path needs it.
pub(crate) struct Room {
    pub log: LogId,
    pub kind: LogKind,
    /// Everybody in it, sorted.
    pub members: Arc<[Uid]>,
    roles: HashMap<Uid, ChatRole>,
    pub members_seq: Seq,
    pub removed_seq: Seq,
    /// Seconds.
    pub slow_mode: u32,
    /// Seconds.
    pub disappearing: u64,
    /// Seconds.
    pub retention: u64,
    pub share_history: bool,
    devices: OnceCell<Arc<[DeviceKid]>>,
    /// Keys that cover every device, by their names.
    pub(super) keys: Mutex<HashMap<KeyRef, GoodKey>>,
}

impl Room {
    /// The member's role.
    pub(crate) fn role(&self, uid: Uid) -> Result<ChatRole, ChatError> {
        self.roles.get(&uid).copied().ok_or(ChatError::NotAMember)
    }

    /// Whether the member may do it; the member's role.
    pub(crate) fn allow(&self, uid: Uid, action: ChatAction) -> Result<ChatRole, ChatError> {
        let role = self.role(uid)?;
        if may_in_chat(self.kind, role, action, None) {
            Ok(role)
        } else {
            Err(ChatError::Forbidden)
        }
    }

    /// Whether the member may do it to another one, or to what that one wrote.
    pub(crate) fn allow_on(
        &self,
        uid: Uid,
        action: ChatAction,
        target: ChatRole,
    ) -> Result<(), ChatError> {
        if may_in_chat(self.kind, self.role(uid)?, action, Some(target)) {
            Ok(())
        } else {
            Err(ChatError::Forbidden)
        }
    }

    /// Whom its events concern.
    pub(crate) fn audience(&self) -> Audience {
        Audience {
            kind: self.kind,
            members: Arc::clone(&self.members),
            members_seq: self.members_seq,
        }
    }

    /// What a sender's right was judged by.
    pub(crate) fn guard(&self, key: Option<GoodKey>) -> Guard {
        Guard {
            members_seq: self.members_seq,
            key_seq: key.map(|key| key.seq),
        }
    }

    /// When a message that is written now is to be taken away again.
    pub(crate) fn expiry(&self, now: Timestamp) -> Option<Timestamp> {
        (self.disappearing > 0).then(|| now.plus(Duration::from_secs(self.disappearing)))
    }

    /// The published devices of all members.
    pub(crate) async fn devices(&self, core: &Core) -> Result<&Arc<[DeviceKid]>, StorageError> {
        self.devices
            .get_or_try_init(|| async {
                let mut all = Vec::new();
                for members in self.members.chunks(CHUNK) {
                    let (db, keys) = (core.store.db.read(), &core.store.keys);
                    let published = devices::kids(db, keys, members).await?;
                    all.extend(published.into_iter().map(|(device, kid)| DeviceKid {
                        device,
                        kid: kid.into(),
                    }));
                }
                Ok(all.into())
            })
            .await
    }
}

/// The chats that are remembered.
pub(crate) struct Rooms {
    known: Cache<LogId, Arc<Room>>,
    /// The last change of members that was heard of.
    changes: Cache<LogId, Seq>,
    /// Counts the changes: what was read before one is not remembered after it.
    epoch: RwLock<u64>,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(ROOMS)
                .time_to_live(LIFE)
                .build(),
            changes: Cache::builder()
                .max_capacity(ROOMS)
                .time_to_live(CHANGE_LIFE)
                .build(),
            epoch: RwLock::new(0),
        }
    }
}

impl Rooms {
    fn forget(&self, log: LogId, members_seq: Seq) {
        let mut epoch = self.epoch.write();
        *epoch = epoch.wrapping_add(1);
        let newest = self.changes.get(&log).unwrap_or(0).max(members_seq);
        self.changes.insert(log, newest);
        self.known.invalidate(&log);
    }

    /// Whether the members have changed since this audience was read, as far as is known here.
    pub(crate) fn is_outdated(&self, log: LogId, members_seq: Seq) -> bool {
        self.changes
            .get(&log)
            .is_some_and(|newest| newest > members_seq)
    }
}

/// Takes changes over from the bus, this node's own and others'.
pub(crate) struct RoomWatch(pub Arc<Rooms>);

impl BusSubscriber for RoomWatch {
    fn receive(&self, message: &BusMessage) {
        if let BusMessage::RoomChanged { log, members_seq } = message {
            self.0.forget(*log, *members_seq);
        }
    }
}

/// A chat; `NotFound` when there is none of that id.
pub(crate) async fn room(core: &Core, log: LogId) -> Result<Arc<Room>, ChatError> {
    let rooms = &core.caches.rooms;
    if let Some(known) = rooms.known.get(&log) {
        return Ok(known);
    }
    let asked = *rooms.epoch.read();
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let Some(chat) = chats::find(db, keys, log).await? else {
        return Err(ChatError::NotFound);
    };
    // In this order: members that are newer than the number are judged once more, older ones would not be.
    let bounds = logs::bounds(db, log).await?;
    let members = chat_members::all(db, log).await?;
    let room = Arc::new(Room {
        log,
        kind: chat.kind,
        members: members.iter().map(|member| member.uid).collect(),
        roles: members.iter().map(|m| (m.uid, m.role)).collect(),
        members_seq: bounds.members_seq,
        removed_seq: bounds.removed_seq,
        slow_mode: chat.slow_mode,
        disappearing: chat.disappearing,
        retention: chat.retention,
        share_history: chat.share_history,
        devices: OnceCell::new(),
        keys: Mutex::default(),
    });
    let now = rooms.epoch.read();
    if *now == asked {
        rooms.known.insert(log, Arc::clone(&room));
    }
    drop(now);
    Ok(room)
}

/// The chat, if the caller is in it. Who is not learns no more than that there is none.
pub(crate) async fn room_of(core: &Core, uid: Uid, log: LogId) -> Result<Arc<Room>, ChatError> {
    let room = room(core, log).await.map_err(|error| match error {
        ChatError::NotFound => ChatError::NotAMember,
        other => other,
    })?;
    room.role(uid)?;
    Ok(room)
}

/// To be called after the commit of whatever changes members, roles, rules, or members' devices.
pub(crate) fn changed(core: &Core, log: LogId, members_seq: Seq) {
    // Here at once, whatever way the bus takes.
    core.caches.rooms.forget(log, members_seq);
    core.bus
        .publish(BusMessage::RoomChanged { log, members_seq });
}
