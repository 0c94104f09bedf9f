//! What a device remembers of the groups and channels it is in, and their keys.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use melo_domain::{ChatRole, LogId, Secret, Seq, Timestamp, Uid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::crypto::chat_key::{ChatKey, KeyRef};
use crate::crypto::encoding::{decode_array, encode};

/// How many messages are sealed under one key, by all members together.
pub const MAX_MESSAGES: u32 = 1_000;
/// How long a key is written under, at most.
pub const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A key is put aside a little earlier than the server would refuse it.
const AGE_RESERVE: Duration = Duration::from_mins(5);
/// The most keys of one chat that are kept; beyond it the oldest are forgotten.
const MAX_KEYS: usize = 4_096;

/// A member's rank, by its name on the wire and on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role(pub ChatRole);

impl Role {
    /// Whether this rank runs the chat.
    pub fn runs(self) -> bool {
        self.0 >= ChatRole::Admin
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// Who writes in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChatKind {
    /// Every member.
    #[serde(rename = "chat", alias = "group")]
    Group,
    /// Those who run it.
    #[serde(rename = "channel")]
    Channel,
}

impl ChatKind {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Group => "chat",
            Self::Channel => "channel",
        }
    }
}

/// A chat.
#[derive(Clone, Serialize, Deserialize)]
pub struct KnownChat {
    /// As those who run it call it.
    pub title: String,
    /// Who writes in it.
    pub kind: ChatKind,
    /// One's own rank; none once one is out of it.
    pub role: Option<Role>,
    /// The other members and oneself, as far as this device was told.
    #[serde(default)]
    pub members: BTreeMap<Uid, Role>,
    /// Whether new members are handed the earlier keys.
    #[serde(default)]
    pub share_history: bool,
    /// For how many seconds the chat keeps messages; 0 for always.
    #[serde(default)]
    pub retention: u64,
    /// The last event by which somebody left.
    #[serde(default)]
    removed: Seq,
    /// How far the keys in the chat's log were collected.
    #[serde(default)]
    pub keys_seq: Seq,
    #[serde(default)]
    keys: BTreeMap<KeyRef, StoredKey>,
}

impl fmt::Debug for KnownChat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownChat({:?}, [REDACTED])", self.kind)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredKey {
    key: Secret,
    /// The first event that brought it.
    seq: Seq,
    /// When that was.
    at: Timestamp,
    /// Messages seen under it.
    used: u32,
    /// Not to be written under any more.
    #[serde(default)]
    retired: bool,
}

/// A key that arrived, or was made here.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key.
    pub key: ChatKey,
    /// The event that brought it.
    pub seq: Seq,
    /// When that was.
    pub at: Timestamp,
    /// Whether one may write under it: its sender is a member.
    pub trusted: bool,
}

impl KnownChat {
    /// A chat that this device is told of.
    pub fn new(title: String, kind: ChatKind, role: Option<Role>) -> Self {
        Self {
            title,
            kind,
            role,
            members: BTreeMap::new(),
            share_history: false,
            retention: 0,
            removed: 0,
            keys_seq: 0,
            keys: BTreeMap::new(),
        }
    }

    /// Takes a key. False when it is known: an event that brings a key once more does not make it any younger.
    pub fn learn(&mut self, log: LogId, new: &NewKey) -> bool {
        let name = new.key.key_ref(log);
        if self.keys.contains_key(&name) {
            return false;
        }
        while self.keys.len() >= MAX_KEYS {
            let oldest = self.keys.iter().min_by_key(|(_, k)| k.seq);
            let Some(oldest) = oldest.map(|(name, _)| *name) else {
                break;
            };
            self.keys.remove(&oldest);
        }
        let stored = StoredKey {
            key: Secret::new(encode(new.key.bytes())),
            seq: new.seq,
            at: new.at,
            used: 0,
            retired: !new.trusted,
        };
        self.keys.insert(name, stored);
        true
    }

    /// The key of that name.
    pub fn key(&self, name: &KeyRef) -> Option<ChatKey> {
        self.keys.get(name).and_then(StoredKey::load)
    }

    /// The newest key that may be written under now.
    pub fn usable(&self, now: Timestamp) -> Option<(KeyRef, ChatKey)> {
        let mut life = MAX_AGE;
        if self.retention > 0 {
            life = life.min(Duration::from_secs(self.retention / 2));
        }
        let life = life.saturating_sub(AGE_RESERVE.min(life / 10));
        let usable = |k: &StoredKey| {
            !k.retired && k.seq > self.removed && k.used < MAX_MESSAGES && k.at.plus(life) > now
        };
        let newest = self.keys.iter().filter(|(_, k)| usable(k));
        let (name, stored) = newest.max_by_key(|(_, k)| k.seq)?;
        Some((*name, stored.load()?))
    }

    /// Keys for a new member, the newest first: all but the one that is written under, which they get anyway.
    pub fn earlier(&self, now: Timestamp) -> Vec<(KeyRef, ChatKey)> {
        let current = self.usable(now).map(|(name, _)| name);
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort_by_key(|(_, k)| std::cmp::Reverse(k.seq));
        let others = keys.into_iter().filter(|(n, _)| Some(**n) != current);
        others.filter_map(|(n, k)| Some((*n, k.load()?))).collect()
    }

    /// Counts a message sealed under that key.
    pub fn used(&mut self, name: &KeyRef) {
        if let Some(stored) = self.keys.get_mut(name) {
            stored.used = stored.used.saturating_add(1);
        }
    }

    /// Nothing more is written under that key.
    pub fn retire(&mut self, name: &KeyRef) {
        if let Some(stored) = self.keys.get_mut(name) {
            stored.retired = true;
        }
    }

    /// Nothing more is written under any key there is: somebody's device is gone who could open them.
    pub fn retire_all(&mut self) {
        for stored in self.keys.values_mut() {
            stored.retired = true;
        }
    }

    /// With this event somebody left: earlier keys are not written under any more.
    pub fn somebody_left(&mut self, seq: Seq) {
        self.removed = self.removed.max(seq);
    }

    /// Whether that person is a member, as far as this device was told. Without any list, everybody may be.
    pub fn may_be_member(&self, uid: Uid) -> bool {
        self.members.is_empty() || self.members.contains_key(&uid)
    }

    /// How many keys are kept.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }
}

impl StoredKey {
    fn load(&self) -> Option<ChatKey> {
        decode_array(self.key.expose())
            .ok()
            .map(ChatKey::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::testing::log_of;

    const NOW: i64 = 1_795_162_530_123;

    fn now() -> Timestamp {
        Timestamp::from_millis(NOW)
    }

    fn key(n: u8) -> ChatKey {
        ChatKey::from_bytes([n; 32])
    }

    fn name(n: u8) -> KeyRef {
        key(n).key_ref(log_of(1))
    }

    fn new(n: u8, seq: Seq) -> NewKey {
        NewKey {
            key: key(n),
            seq,
            at: now(),
            trusted: true,
        }
    }

    fn chat() -> KnownChat {
        KnownChat::new("Walks".to_owned(), ChatKind::Group, None)
    }

    fn usable(chat: &KnownChat) -> Option<KeyRef> {
        chat.usable(now()).map(|(name, _)| name)
    }

    #[test]
    fn the_newest_key_is_written_under_until_somebody_leaves() {
        let mut chat = chat();
        assert_eq!(usable(&chat), None);
        assert!(chat.learn(log_of(1), &new(1, 3)));
        assert!(chat.learn(log_of(1), &new(2, 7)));
        assert_eq!(usable(&chat), Some(name(2)));
        chat.somebody_left(9);
        assert_eq!(usable(&chat), None);
        assert_eq!(
            chat.key(&name(1)),
            Some(key(1)),
            "old messages stay readable"
        );
        assert!(
            !chat.learn(log_of(1), &new(2, 12)),
            "sent again, an old key stays old"
        );
        assert_eq!(usable(&chat), None);
        chat.learn(log_of(1), &new(3, 13));
        assert_eq!(usable(&chat), Some(name(3)));
    }

    #[test]
    fn keys_are_used_up_and_grow_old() {
        let mut chat = chat();
        chat.learn(log_of(1), &new(1, 3));
        for _ in 1..MAX_MESSAGES {
            chat.used(&name(1));
        }
        assert_eq!(usable(&chat), Some(name(1)));
        chat.used(&name(1));
        assert_eq!(usable(&chat), None);
        chat.learn(log_of(1), &new(2, 4));
        let week = now().plus(MAX_AGE);
        assert!(chat.usable(week).is_none());
        assert!(chat.usable(now().plus(MAX_AGE / 2)).is_some());
        chat.retention = 24 * 3600;
        assert!(chat.usable(now().plus(MAX_AGE / 2)).is_none());
        chat.retire(&name(2));
        assert_eq!(usable(&chat), None);
    }

    #[test]
    fn a_key_from_outside_is_read_but_not_written_under() {
        let mut chat = chat();
        let foreign = NewKey {
            trusted: false,
            ..new(1, 3)
        };
        chat.learn(log_of(1), &foreign);
        assert_eq!((usable(&chat), chat.key(&name(1))), (None, Some(key(1))));
    }

    #[test]
    fn a_new_member_gets_the_earlier_keys_and_not_the_current_one_twice() {
        let mut chat = chat();
        for (n, seq) in [(1, 3), (2, 7), (3, 9)] {
            chat.learn(log_of(1), &new(n, seq));
        }
        let earlier: Vec<_> = chat.earlier(now()).into_iter().map(|(n, _)| n).collect();
        assert_eq!(earlier, [name(2), name(1)]);
        chat.somebody_left(10);
        assert_eq!(chat.earlier(now()).len(), 3);
    }

    #[test]
    fn it_is_written_and_read_back_and_shows_no_key() {
        let mut chat = chat();
        chat.role = Some(Role(ChatRole::Admin));
        chat.members
            .insert(Uid::from_random(1), Role(ChatRole::Owner));
        chat.learn(log_of(1), &new(1, 3));
        let json = serde_json::to_string(&chat).unwrap();
        let again: KnownChat = serde_json::from_str(&json).unwrap();
        assert_eq!(again.key(&name(1)), Some(key(1)));
        assert_eq!(again.role, chat.role);
        assert!(!format!("{chat:?}").contains("Walks"));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let mut chat = chat();
        for n in 0..=MAX_KEYS {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            let key = ChatKey::from_bytes(bytes);
            let seq = n as Seq + 1;
            chat.learn(log_of(1), &NewKey { key, ..new(0, seq) });
        }
        assert_eq!(chat.key_count(), MAX_KEYS);
        assert!(chat.key(&name(0)).is_none());
    }
}
