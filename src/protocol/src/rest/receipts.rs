//! How far people are in a conversation, and how long its messages live.

use melo_domain::{ChatId, Seq, Uid};
use serde::{Deserialize, Serialize};

/// PUT /messages/disappearing/dm/{uid}.
#[derive(Debug, Serialize, Deserialize)]
pub struct DisappearingRequest {
    /// Seconds that a message lives; 0: as long as the server keeps it.
    pub seconds: u64,
}

/// Answer of the same.
#[derive(Debug, Serialize, Deserialize)]
pub struct DisappearingAnswer {
    /// Committed to disk.
    pub ok: bool,
    /// As it is now.
    pub disappearing_seconds: u64,
}

/// POST /status/read.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadRequest {
    /// The group or channel; null or absent in a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The last message that was read.
    pub message_id: String,
}

/// How far a member is.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiptView {
    /// Who.
    pub user_id: Uid,
    /// Everything up to here is on a device of theirs; null where that is not for the caller to know.
    pub delivered: Option<Seq>,
    /// They have read everything up to here; null where that is not for the caller to know.
    pub read: Option<Seq>,
}

/// Answer of GET /chats/{chat_id}/receipts and /messages/receipts/dm/{uid}.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiptsAnswer {
    /// In the order of the user ids, without the caller.
    pub receipts: Vec<ReceiptView>,
    /// The next `after`; null at the end.
    pub next: Option<Uid>,
}

/// `?after=&limit=` over people.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ReceiptsQuery {
    /// The last user id of the page before.
    pub after: Option<String>,
    /// Default and most: 200.
    pub limit: Option<u32>,
}
