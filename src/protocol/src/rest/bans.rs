//! Bodies about who is kept out.

use melo_domain::{Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// POST /admin/bans.
#[derive(Debug, Serialize, Deserialize)]
pub struct BanRequest {
    /// `address`, `device` or `phone`.
    pub kind: String,
    /// An IP address or a range like `203.0.113.0/24`, 16 hex digits, or a phone number.
    pub value: String,
    /// For other admins; at most 500 characters.
    #[serde(default)]
    pub reason: String,
    /// Seconds; without it the ban stays until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
}

/// A ban; the answer of POST /admin/bans.
#[derive(Debug, Serialize, Deserialize)]
pub struct BanView {
    /// 16 hex digits.
    pub id: String,
    /// `address`, `device` or `phone`.
    pub kind: String,
    /// As it is looked for: an IPv6 address stands for its /64, a range is written with its first address.
    pub value: String,
    /// As given.
    pub reason: String,
    /// Who decided.
    pub created_by: Option<Uid>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether it keeps anybody out at this moment.
    pub active: bool,
}

/// Answer of GET /admin/bans.
#[derive(Debug, Serialize, Deserialize)]
pub struct BansAnswer {
    /// This page.
    pub bans: Vec<BanView>,
    /// From 1.
    pub page: u32,
    /// Most bans of a page.
    pub per_page: u32,
    /// Of all pages.
    pub total: u64,
    /// How many pages.
    pub pages: u64,
}
