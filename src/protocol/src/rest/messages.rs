//! Message bodies.

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

/// One message of a history page.
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
    /// What was sent.
    pub payload: Box<RawValue>,
}

/// Answer of GET /messages/history/dm/{uid}.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistoryAnswer {
    /// Payload strings, oldest first; page 1 is the newest page.
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
