//! Short memories of what the hot paths ask again and again. Each entry is dropped when this node changes
//! what it tells of, and expires by itself soon enough for changes made elsewhere.

use std::sync::Arc;
use std::time::Duration;

use melo_domain::{DeviceHandle, LogId, Scopes, Seq, SessionId, Timestamp, Uid};
use melo_realtime::{BusMessage, BusSubscriber};
use melo_storage::sessions::Session;
use moka::sync::Cache;

use crate::chats::{RoomWatch, Rooms};
use crate::relations::{RelationWatch, Relations};

/// The way from one person to another: both are contacts.
#[derive(Debug, Clone)]
pub struct DirectRoute {
    /// Their conversation.
    pub log: LogId,
    /// The two.
    pub audience: Arc<[Uid]>,
    /// Seconds that a message lives; 0: as long as the log keeps it.
    pub disappearing: u64,
}

impl DirectRoute {
    /// When a message that is written now is to be taken away again.
    pub(crate) fn expiry(&self, now: Timestamp) -> Option<Timestamp> {
        (self.disappearing > 0).then(|| now.plus(Duration::from_secs(self.disappearing)))
    }
}

/// One published device, as routing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeviceKid {
    pub device: DeviceHandle,
    pub kid: Arc<str>,
}

/// What was last told to senders about a reader's progress.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told {
    pub delivered: Seq,
    pub read: Seq,
}

/// A personal access token that was looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownToken {
    pub uid: Uid,
    pub device: DeviceHandle,
    pub session: SessionId,
    pub scopes: Scopes,
    pub expires: Timestamp,
}

pub(crate) struct Caches {
    pub relations: Arc<Relations>,
    pub rooms: Arc<Rooms>,
    pub devices: Cache<Uid, Arc<[DeviceKid]>>,
    pub sessions: Cache<SessionId, Session>,
    /// Personal access tokens by their hash; whether the session lives is asked apart.
    pub tokens: Cache<[u8; 32], KnownToken>,
    pub told: Cache<(LogId, Uid), Told>,
    /// The other person of a direct log.
    pub peers: Cache<(LogId, Uid), Uid>,
}

fn cache<K, V>(entries: u64, life: u64) -> Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(entries)
        .time_to_live(Duration::from_secs(life))
        .build()
}

impl Default for Caches {
    fn default() -> Self {
        Self {
            relations: Arc::default(),
            rooms: Arc::default(),
            devices: cache(100_000, 30),
            sessions: cache(100_000, 5),
            tokens: cache(10_000, 60),
            told: cache(100_000, 3600),
            peers: cache(200_000, 3600),
        }
    }
}

impl Caches {
    /// Takes over from the bus which sessions were ended, on this node or another.
    pub(crate) fn watch_sessions(&self) -> SessionWatch {
        SessionWatch(self.sessions.clone())
    }

    /// Takes over from the bus which chats have changed.
    pub(crate) fn watch_rooms(&self) -> RoomWatch {
        RoomWatch(Arc::clone(&self.rooms))
    }

    /// Takes over from the bus how people stand to each other.
    pub(crate) fn watch_relations(&self) -> RelationWatch {
        RelationWatch(Arc::clone(&self.relations))
    }
}

/// Knows of an ended session before its row is read again.
pub(crate) struct SessionWatch(Cache<SessionId, Session>);

impl BusSubscriber for SessionWatch {
    fn receive(&self, message: &BusMessage) {
        if let BusMessage::SessionsEnded { uid, sessions, .. } = message {
            for id in sessions.iter() {
                // Put there rather than taken out: a call that read the row before the end and remembers it
                // only now finds the place taken.
                self.0.insert(*id, Session::ended(*uid));
            }
        }
    }
}
