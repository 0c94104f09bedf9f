//! Histories as the server answers them: messages, and what became of them.

use std::collections::BTreeMap;

use melo_domain::{DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One message, and what became of it.
#[derive(Debug, Deserialize)]
pub struct HistoryEntry {
    /// Its position.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// Who sent it.
    pub from: Uid,
    /// From which device.
    #[serde(default)]
    pub device: Option<DeviceHandle>,
    /// What was sent; null when it is gone.
    pub payload: Box<RawValue>,
    /// What it is now, if it was edited.
    #[serde(default)]
    pub edited: Option<EditedEntry>,
    /// What people think of it.
    #[serde(default)]
    pub reactions: BTreeMap<Uid, ReactionEntry>,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// Whether it was deleted, or its time was over.
    #[serde(default)]
    pub deleted: bool,
    /// Of a call, what its record says: there is no message then.
    #[serde(default)]
    pub call: Option<melo_protocol::frame::CallRecordBody>,
}

/// The newest content of a message.
#[derive(Debug, Deserialize)]
pub struct EditedEntry {
    /// The event that brought it.
    pub event_id: MessageId,
    /// What it is now.
    pub payload: Box<RawValue>,
    /// Since when.
    pub at: Timestamp,
    /// From which device.
    #[serde(default)]
    pub device: Option<DeviceHandle>,
}

/// Somebody's opinion of a message: one of `reaction` and `payload`.
#[derive(Debug, Deserialize)]
pub struct ReactionEntry {
    /// In plain.
    #[serde(default)]
    pub reaction: Option<String>,
    /// Sealed.
    #[serde(default)]
    pub payload: Option<Box<RawValue>>,
    /// Since when.
    pub at: Timestamp,
    /// From which device.
    #[serde(default)]
    pub device: Option<DeviceHandle>,
}

/// A page of a conversation of two.
#[derive(Debug, Deserialize)]
pub struct HistoryPage {
    /// Oldest first; page 1 is the newest page.
    pub events: Vec<HistoryEntry>,
    /// The conversation's log.
    pub log: LogId,
    /// Counted from 1.
    pub page: u32,
    /// Entries in all.
    pub total: u64,
    /// Pages in all.
    pub pages: u64,
}

/// A part of a conversation.
#[derive(Debug, Deserialize)]
pub struct HistorySlice {
    /// Oldest first.
    pub events: Vec<HistoryEntry>,
}
