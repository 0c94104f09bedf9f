//! Drafts.

use melo_domain::{ChatId, LogId, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// POST /drafts.
#[derive(Debug, Serialize, Deserialize)]
pub struct DraftRequest {
    /// The other person; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// A string or an object, 64 KiB at most; null takes the draft away.
    pub payload: Option<Box<RawValue>>,
}

/// Answer of POST /drafts.
#[derive(Debug, Serialize, Deserialize)]
pub struct DraftAnswer {
    /// `ok`.
    pub status: std::borrow::Cow<'static, str>,
    /// When it was taken.
    pub at: Timestamp,
}

/// A draft.
#[derive(Debug, Serialize, Deserialize)]
pub struct DraftView {
    /// The other person; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<Uid>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The conversation's log.
    pub log: LogId,
    /// As it was written.
    pub payload: Box<RawValue>,
    /// When.
    pub at: Timestamp,
}

/// Answer of GET /drafts.
#[derive(Debug, Serialize, Deserialize)]
pub struct DraftsAnswer {
    /// One for each conversation that has one.
    pub drafts: Vec<DraftView>,
}
