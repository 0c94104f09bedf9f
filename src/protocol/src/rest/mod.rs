//! REST bodies, one file per area. Requests keep raw strings: the edge parses them into domain types once.

pub mod access;
pub mod account;
pub mod admin;
pub mod avatar;
pub mod bans;
pub mod calls;
pub mod chats;
pub mod contacts;
pub mod credentials;
pub mod drafts;
pub mod ice;
pub mod keys;
pub mod messages;
pub mod people;
pub mod presence;
pub mod receipts;
pub mod schedule;
pub mod server;
pub mod sync;

use serde::{Deserialize, Serialize};

/// `{"status": "…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// What was done.
    pub status: std::borrow::Cow<'static, str>,
}

impl StatusAnswer {
    /// An answer of that word.
    pub const fn of(word: &'static str) -> Self {
        Self {
            status: std::borrow::Cow::Borrowed(word),
        }
    }
}

/// `?page=&per_page=`: pages count from 1.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct PageQuery {
    /// Default 1.
    pub page: Option<u32>,
    /// Default 20, at most 100.
    pub per_page: Option<u32>,
}

impl PageQuery {
    /// `(page, per_page)` within their limits.
    pub fn bounded(self) -> (u32, u32) {
        (
            self.page.unwrap_or(1).max(1),
            self.per_page.unwrap_or(20).clamp(1, 100),
        )
    }
}
