//! Message bodies.

use std::collections::BTreeMap;

use melo_domain::{ChatId, DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// POST /messages/send.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendRequest {
    /// The recipient; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The payload: a string (existing clients) or an envelope object. 1 MiB at most.
    pub data: Box<RawValue>,
    /// Makes sending again safe; the `Idempotency-Key` header does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// Answer of POST /messages/send.
#[derive(Debug, Serialize, Deserialize)]
pub struct SendAnswer {
    /// Committed to disk.
    pub ok: bool,
    /// The message.
    pub message_id: MessageId,
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// For how many people besides the sender; for a chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<usize>,
}

/// POST /messages/edit, /delete, /pin, /react: each reads the members it needs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ChangeRequest {
    /// The other person; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The message.
    pub message_id: String,
    /// Its new content: a string or an envelope object. For /edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_data: Option<Box<RawValue>>,
    /// In plain, 64 bytes at most; empty takes it back. For /react.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<String>,
    /// A sealed reaction, instead of `reaction`. For /react.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// `false` unpins. For /pin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Makes sending again safe; the `Idempotency-Key` header does the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// Answer of the same.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangeAnswer {
    /// Committed to disk.
    pub ok: bool,
    /// The event of the change.
    pub event_id: MessageId,
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
}

/// A message's newest content.
#[derive(Debug, Serialize, Deserialize)]
pub struct EditedView {
    /// The event that brought it.
    pub event_id: MessageId,
    /// What it is now.
    pub payload: Box<RawValue>,
    /// Since when.
    pub at: Timestamp,
    /// From which device.
    pub device: Option<DeviceHandle>,
}

/// Somebody's reaction to a message: one of `reaction` and `payload`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReactionView {
    /// In plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<String>,
    /// Sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// Since when.
    pub at: Timestamp,
    /// From which device.
    pub device: Option<DeviceHandle>,
}

/// One message of a history and what became of it, or a call.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// The message.
    pub message_id: MessageId,
    /// Its position.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// Who sent it.
    pub from: Uid,
    /// From which device.
    pub device: Option<DeviceHandle>,
    /// What was sent; null when it is gone.
    pub payload: Box<RawValue>,
    /// What it is now, if it was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<EditedView>,
    /// By whose they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<Uid, ReactionView>,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// Whether it was deleted, or its time was over.
    #[serde(default)]
    pub deleted: bool,
    /// Of the record of a call, what it says; there is no payload then. Only where one goes from place to place:
    /// pages have messages alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Box<RawValue>>,
}

/// `?page=&per_page=`, or `?before=&after=&limit=`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct HistoryQuery {
    /// Default 1.
    pub page: Option<u32>,
    /// Default 20, at most 100.
    pub per_page: Option<u32>,
    /// Messages with smaller numbers, the nearest first.
    pub before: Option<Seq>,
    /// Messages with larger numbers, the nearest first.
    pub after: Option<Seq>,
    /// Default 20, at most 100.
    pub limit: Option<u32>,
}

/// Answer of GET /messages/history/dm/{uid} and /messages/history/chat/{chat_id}, by the page.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryAnswer {
    /// Payload strings, oldest first; page 1 is the newest page. Of an edited message the newest content.
    pub messages: Vec<String>,
    /// The same messages with everything known about them.
    pub events: Vec<HistoryEvent>,
    /// The conversation's log.
    pub log: LogId,
    /// Counted from 1.
    pub page: u32,
    /// Entries a page.
    pub per_page: u32,
    /// Entries in all.
    pub total: u64,
    /// Pages in all.
    pub pages: u64,
}

/// Answer of the same, from a place on.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistorySliceAnswer {
    /// Oldest first, with what is left of messages that are gone.
    pub events: Vec<HistoryEvent>,
    /// The conversation's log.
    pub log: LogId,
    /// The next `before` or `after`; null at the end.
    pub next: Option<Seq>,
}

/// A pinned message.
#[derive(Debug, Serialize, Deserialize)]
pub struct PinView {
    /// The message.
    #[serde(flatten)]
    pub message: HistoryEvent,
    /// Who pinned it.
    pub pinned_by: Uid,
    /// When.
    pub pinned_at: Timestamp,
}

/// Answer of GET /messages/pins/dm/{uid} and /chats/{chat_id}/pins.
#[derive(Debug, Serialize, Deserialize)]
pub struct PinsAnswer {
    /// The one that was pinned last first.
    pub pins: Vec<PinView>,
    /// The conversation's log.
    pub log: LogId,
}
