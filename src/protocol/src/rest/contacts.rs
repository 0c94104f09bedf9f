//! Contact bodies.

use melo_domain::{LogId, Timestamp, Uid};
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

/// POST /subscribe/reject and /subscribe/cancel.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndRequest {
    /// Who asked, or was asked.
    pub target_id: String,
    /// As for /subscribe.
    #[serde(default)]
    pub csrf_token: String,
}

/// Somebody's request, waiting for one's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingRequest {
    /// Who asks.
    pub user_id: Uid,
    /// Whether they keep their phone to themselves.
    pub secret: bool,
    /// When they asked.
    pub created_at: Timestamp,
    /// Their phone, as far as they let one have it.
    pub from_phone: Option<String>,
}

/// One's own request, not accepted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingRequest {
    /// Who was asked.
    pub user_id: Uid,
    /// Whether one keeps one's phone to oneself.
    pub secret: bool,
    /// When one asked.
    pub created_at: Timestamp,
}

/// Answer of GET /contacts/requests: the same page of both lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsAnswer {
    /// Others', in the order of their ids.
    pub incoming: Vec<IncomingRequest>,
    /// One's own, in the order of the ids.
    pub outgoing: Vec<OutgoingRequest>,
    /// Others' in all.
    pub incoming_total: u64,
    /// One's own in all.
    pub outgoing_total: u64,
    /// Counted from 1.
    pub page: u32,
    /// Entries a page, of each list.
    pub per_page: u32,
    /// Pages of the longer list.
    pub pages: u64,
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
