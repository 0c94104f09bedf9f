//! Contact bodies.

use melo_domain::{LogId, Uid};
use serde::{Deserialize, Serialize};

/// POST /subscribe.
#[derive(Debug, Serialize, Deserialize)]
pub struct SubscribeRequest {
    /// Whom to ask.
    pub target_id: String,
    /// Keep one's phone from them.
    #[serde(default)]
    pub secret: bool,
    /// From /login, /`csrf_token` or /profile.
    #[serde(default)]
    pub csrf_token: String,
}

/// POST /`confirm_subscribe`.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmRequest {
    /// Who asked.
    pub target_id: String,
    /// As for /subscribe.
    #[serde(default)]
    pub csrf_token: String,
}

/// One accepted contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub unique_id: Uid,
    /// As they entered it.
    pub nickname: String,
    /// PEM.
    pub public_e2e_key: String,
    /// The conversation's log.
    pub log: LogId,
}

/// Answer of GET /contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactsAnswer {
    /// This page.
    pub contacts: Vec<Contact>,
    /// Counted from 1.
    pub page: u32,
    /// Entries a page.
    pub per_page: u32,
    /// Entries in all.
    pub total: u64,
    /// Pages in all.
    pub pages: u64,
}
