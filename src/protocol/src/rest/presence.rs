//! Bodies of calls about who is there.

use std::collections::BTreeMap;

use melo_domain::{ChatId, PresenceStatus, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// Answer of GET /status/me.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnStatus {
    /// Oneself.
    pub user_id: Uid,
    /// As it is, whatever others see.
    pub status: PresenceStatus,
    /// When one was last there.
    pub last_seen: Option<Timestamp>,
    /// The chat one is writing in.
    pub is_typing_in_chat: Option<ChatId>,
}

/// A contact in the answer of GET /status/contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPresence {
    /// Who.
    pub user_id: Uid,
    /// `offline` also where it is hidden.
    pub status: PresenceStatus,
    /// When they were last there, as far as they let one see it.
    pub last_seen: Option<Timestamp>,
    /// A chat that one is in, and in which they are writing.
    pub is_typing_in_chat: Option<ChatId>,
    /// Whether they are writing to one.
    pub typing: bool,
}

/// Answer of GET /status/contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactsStatus {
    /// All of them.
    pub contacts: Vec<ContactPresence>,
}

/// One person in the answer of GET /statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusEntry {
    /// `online`, `was at <time>`, `inactive`, `closed`, `not_found` or `not_subscribed`.
    pub status: String,
    /// Whether they are writing to one.
    pub typing: bool,
}

/// Answer of GET /statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusesAnswer {
    /// Everybody asked for.
    pub statuses: BTreeMap<Uid, StatusEntry>,
}

/// POST /status/typing: where one is writing; with neither, nowhere any more.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TypingRequest {
    /// A group or channel.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
    /// A contact.
    #[serde(default)]
    pub target_id: Option<String>,
}
