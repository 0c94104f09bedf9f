//! Bodies of calls about other people, and about what they see of oneself.

use melo_domain::{Audience, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// GET /users/search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// Nobody or one person.
    pub users: Vec<FoundUser>,
}

/// Somebody found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundUser {
    /// Who.
    pub unique_id: Uid,
    /// As they entered it.
    pub username: String,
    /// For contacts only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
}

/// PUT /privacy: what is absent stays.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PrivacyUpdate {
    /// `everyone`, `contacts` or `nobody`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// As `last_seen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<String>,
    /// As `last_seen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// As `last_seen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// As `last_seen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_search: Option<String>,
    /// Whether contacts learn what one has read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_receipts: Option<bool>,
    /// Whether contacts see that one is writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typing: Option<bool>,
}

/// Answer of GET and PUT /privacy: every switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyAnswer {
    /// Who sees when one was last there.
    pub last_seen: Audience,
    /// Who sees that one is there.
    pub online: Audience,
    /// Who sees one's picture.
    pub avatar: Audience,
    /// Who gets one's phone with a request or its acceptance.
    pub phone: Audience,
    /// Who finds one by username.
    pub username_search: Audience,
    /// Whether contacts learn what one has read, and one what they have.
    pub read_receipts: bool,
    /// Whether contacts see that one is writing.
    pub typing: bool,
}

/// POST /blocks.
#[derive(Debug, Serialize, Deserialize)]
pub struct BlockRequest {
    /// Whom to keep away.
    pub user_id: String,
}

/// Somebody kept away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedUser {
    /// Who.
    pub user_id: Uid,
    /// Since when.
    pub created_at: Timestamp,
}

/// Answer of GET /blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksAnswer {
    /// This page, in the order of the ids.
    pub blocks: Vec<BlockedUser>,
    /// Counted from 1.
    pub page: u32,
    /// Entries a page.
    pub per_page: u32,
    /// Entries in all.
    pub total: u64,
    /// Pages in all.
    pub pages: u64,
}
