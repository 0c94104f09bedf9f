//! Admin bodies. Lists go on after `next`, which is absent on the last page.

use std::collections::BTreeMap;

use melo_domain::{DeviceHandle, SessionId, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A person as those see them who administer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminUser {
    /// Public id.
    pub unique_id: Uid,
    /// E.164; for moderators all but the beginning and the end is hidden.
    pub phone: String,
    /// As entered.
    pub name: String,
    /// As entered.
    pub nickname: String,
    /// As entered.
    pub username: Option<String>,
    /// `user`, `moderator`, `admin` or `owner`.
    pub role: String,
    /// `active`, `locked` or `banned`.
    pub state: String,
    /// Whether the password must be reset before the next login.
    pub reset_required: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// Answer of GET /admin/users.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdminUsersAnswer {
    /// By their ids.
    pub users: Vec<AdminUser>,
    /// For `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Uid>,
}

/// Answer of GET /admin/users/{uid}.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdminUserDetails {
    /// The account.
    #[serde(flatten)]
    pub user: AdminUser,
    /// Devices it has.
    pub devices: u64,
    /// Live logins.
    pub sessions: u64,
    /// Live personal access tokens.
    pub tokens: u64,
    /// Whether a second factor is set up.
    pub two_factor: bool,
    /// Whether a device is connected.
    pub online: bool,
}

/// A live session.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdminSession {
    /// Which.
    pub id: SessionId,
    /// `login` or `token`.
    pub kind: String,
    /// On which device.
    pub device: DeviceHandle,
    /// `pc`, `phone` and the like.
    pub device_type: String,
    /// What the program called itself, or the token's name.
    pub device_name: String,
    /// Where it began.
    pub ip_address: String,
    /// As sent.
    pub user_agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_activity: Timestamp,
}

/// Answer of GET /admin/users/{uid}/sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdminSessionsAnswer {
    /// By their ids.
    pub sessions: Vec<AdminSession>,
    /// For `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<SessionId>,
}

/// A device.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdminDevice {
    /// Public name.
    pub device: DeviceHandle,
    /// When it first signed in.
    pub created_at: Timestamp,
    /// Until when its device token is good, if it has one.
    pub token_expires: Option<Timestamp>,
    /// Whether it is in the key directory.
    pub published: bool,
}

/// Answer of GET /admin/users/{uid}/devices.
#[derive(Debug, Serialize, Deserialize)]
pub struct AdminDevicesAnswer {
    /// By their names.
    pub devices: Vec<AdminDevice>,
    /// For `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DeviceHandle>,
}

/// POST /admin/users/{uid}/lock, unlock, ban, unban, `force_reset`, `reset_2fa`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ReasonBody {
    /// Kept in the audit log; 1 to 500 characters.
    pub reason: String,
}

/// POST /admin/users/{uid}/role.
#[derive(Debug, Serialize, Deserialize)]
pub struct RoleBody {
    /// `user`, `moderator`, `admin` or `owner`.
    pub role: String,
    /// Kept in the audit log; at most 500 characters.
    #[serde(default)]
    pub reason: String,
}

/// What became of an account.
#[derive(Debug, Serialize, Deserialize)]
pub struct StateAnswer {
    /// `ok`.
    pub status: String,
    /// `active`, `locked` or `banned`.
    pub state: String,
}

/// Answer of DELETE /admin/users/{uid}/sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndedAnswer {
    /// `ok`.
    pub status: String,
    /// How many there were.
    pub revoked_count: u64,
}

/// Accounts in each state.
#[derive(Debug, Serialize, Deserialize)]
pub struct UserFigures {
    /// May sign in.
    pub active: u64,
    /// Locked.
    pub locked: u64,
    /// Banned.
    pub banned: u64,
}

/// Live sessions of each kind.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionFigures {
    /// Of logins.
    pub login: u64,
    /// Of personal access tokens.
    pub token: u64,
}

/// Queued jobs in each state.
#[derive(Debug, Serialize, Deserialize)]
pub struct JobFigures {
    /// Due now or later.
    pub waiting: u64,
    /// Being worked on.
    pub running: u64,
    /// Given up.
    pub dead: u64,
}

/// Values in steps.
#[derive(Debug, Serialize, Deserialize)]
pub struct HistogramView {
    /// Upper bounds of the steps but the last, which has none.
    pub bounds: Vec<f64>,
    /// Values in each step.
    pub counts: Vec<u64>,
}

/// How calls were, as clients of this node have reported since its start.
#[derive(Debug, Serialize, Deserialize)]
pub struct CallQualityFigures {
    /// Reports.
    pub reports: u64,
    /// Packets that did not arrive, in percent.
    pub loss: HistogramView,
    /// Milliseconds.
    pub jitter: HistogramView,
    /// Round trip, in milliseconds.
    pub rtt: HistogramView,
    /// How devices reached each other: `host`, `srflx`, `prflx`, `relay` or `unknown`.
    pub candidate_types: std::collections::BTreeMap<String, u64>,
}

/// Answer of GET /admin/figures.
#[derive(Debug, Serialize, Deserialize)]
pub struct FiguresAnswer {
    /// Accounts.
    pub users: UserFigures,
    /// Live sessions.
    pub sessions: SessionFigures,
    /// Devices of everybody.
    pub devices: u64,
    /// Open WebSocket connections.
    pub connections: u64,
    /// Stored events of all logs: messages and notices.
    pub messages_stored: u64,
    /// Queued jobs.
    pub jobs: JobFigures,
    /// How calls were.
    pub calls: CallQualityFigures,
    /// Bytes.
    pub database_size: u64,
    /// The relay for calls; absent where this server has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<RelayAnswer>,
    /// Seconds since the start.
    pub uptime: u64,
    /// Of the server.
    pub version: String,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditItem {
    /// Position: rises by one with each entry.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who; absent for the server itself and for strangers.
    pub actor: Option<Uid>,
    /// What, `area.verb`.
    pub action: String,
    /// To what, `user:10000001`.
    pub object: String,
    /// What else there is to say about it.
    pub details: Value,
    /// Where the call came from.
    pub ip_address: String,
    /// As sent.
    pub user_agent: String,
    /// Of the call.
    pub request_id: String,
}

/// Answer of GET /admin/audit.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditAnswer {
    /// Newest first.
    pub entries: Vec<AuditItem>,
    /// For `before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// How the relay for calls does, since the start. Of the calls and who makes them it says nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct RelayAnswer {
    /// By how clients reach it: `udp`, `tcp`, `tls`.
    pub transports: BTreeMap<String, RelayTransport>,
    /// What was refused or dropped: `unauthorized`, `forbidden`, `quota`, `capacity`, `dropped`, `malformed`.
    pub refused: BTreeMap<String, u64>,
}

/// What goes over one transport.
#[derive(Debug, Serialize, Deserialize)]
pub struct RelayTransport {
    /// Allocations that live.
    pub allocations: u64,
    /// Allocations since the start.
    pub allocations_total: u64,
    /// Payload that was relayed, in both directions, in bytes.
    pub bytes: u64,
}
