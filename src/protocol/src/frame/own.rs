//! What a person's devices tell each other, and what members of a chat learn of each other's reading.

use std::borrow::Cow;

use melo_domain::{ChatId, DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// `draft`: what the person has begun to write in a conversation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename = "draft")]
pub struct DraftFrame<'a> {
    /// The other person; either this or `chat_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Uid>,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The conversation's log.
    pub log: LogId,
    /// As it was written; null: there is none any more.
    #[serde(borrow)]
    pub payload: Option<Cow<'a, RawValue>>,
    /// When it was written.
    pub at: Timestamp,
    /// From which device.
    pub device: DeviceHandle,
    /// The device's own id of it; in the answer to that device only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// `messages_read`: somebody has read everything up to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "messages_read")]
pub struct MessagesRead {
    /// Who: a member of the chat, or oneself on another device.
    pub user_id: Uid,
    /// The group or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The other person of a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Uid>,
    /// The last event that was read.
    pub last_read_message_id: MessageId,
    /// Its log.
    pub log: LogId,
    /// Its position.
    pub seq: Seq,
    /// When.
    pub timestamp: Timestamp,
}
