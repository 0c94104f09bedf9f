//! Positions and snapshots of a person's logs.

use std::borrow::Cow;
use std::collections::BTreeMap;

use melo_domain::{ChatId, LogId, Seq, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// `?after=&limit=` of GET /sync.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct SyncQuery {
    /// `next` of the page before.
    pub after: Option<String>,
    /// Default 50, at most 100.
    pub limit: Option<u32>,
}

/// What stands at the end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvent {
    /// Where.
    pub seq: Seq,
    /// When; null for a long event.
    pub at: Option<Timestamp>,
    /// What it is: `message`, or the type of its frame.
    pub kind: Cow<'static, str>,
    /// Who caused it.
    pub from: Uid,
}

/// A log as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncLog {
    /// Which.
    pub log: LogId,
    /// `private`, `direct`, `chat` or `channel`.
    pub kind: Cow<'static, str>,
    /// The chat, of a chat or channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The other person, of a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Uid>,
    /// The newest event; 0 in an empty log.
    pub last_seq: Seq,
    /// The first event that is to be had.
    pub first_seq: Seq,
    /// How far the calling device is.
    pub delivered: Seq,
    /// How far the person has read on it.
    pub read: Seq,
    /// Messages of others behind `read`; 1,000 stands for that many and more.
    pub unread: u64,
    /// What stands at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<LastEvent>,
}

/// Answer of GET /sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// In the order of their ids.
    pub logs: Vec<SyncLog>,
    /// The caller's own log.
    pub private_log: LogId,
    /// `after` of the next page; null behind the last.
    pub next: Option<LogId>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// POST /events/ack.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AckRequest {
    /// The device has everything up to these positions. 1,000 logs at most, those of `read` among them.
    #[serde(default)]
    pub cursors: BTreeMap<LogId, Seq>,
    /// The person has read everything up to these.
    #[serde(default)]
    pub read: BTreeMap<LogId, Seq>,
}

/// Where a device stands in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What it has.
    pub delivered: Seq,
    /// What its person has read.
    pub read: Seq,
}

/// Answer of POST /events/ack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckAnswer {
    /// Where the named logs stand now; those that are not the caller's are missing.
    pub cursors: BTreeMap<LogId, Standing>,
}
