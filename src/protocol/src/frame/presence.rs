//! Frames about who is there and who is writing. Live only: nobody gets them later.

use melo_domain::{ChatId, PresenceStatus, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// `status_change`: a contact came, went, or turned to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "status_change")]
pub struct StatusChange {
    /// Who.
    pub user_id: Uid,
    /// What they are now.
    pub status: PresenceStatus,
    /// Of one who left, when they were last there, as far as they let one see it; else when it was told.
    pub timestamp: Timestamp,
}

/// Whether somebody begins or ends; the `type` of [`TypingFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TypingChange {
    /// They are writing.
    #[serde(rename = "typing_start")]
    Start,
    /// They are writing no longer.
    #[serde(rename = "typing_stop")]
    Stop,
}

/// `typing_start`, `typing_stop`: to oneself, or in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypingFrame {
    /// Which of the two.
    #[serde(rename = "type")]
    pub change: TypingChange,
    /// Who.
    pub user_id: Uid,
    /// The chat, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// When.
    pub timestamp: Timestamp,
}
