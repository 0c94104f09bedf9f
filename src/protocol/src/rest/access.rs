//! Bodies of sessions, devices, tokens and second factors.

use melo_domain::{DeviceHandle, Secret, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// The current password, and the second factor's code where one is set up.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordRequest {
    /// The current one.
    pub password: Secret,
    /// Six digits, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
}

/// One session in GET /sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionEntry {
    /// For DELETE /sessions/{id}.
    pub id: SessionId,
    /// `pc`, `phone`, `tablet`, `web` or `unknown`.
    pub device_type: String,
    /// What the program called itself.
    pub device_name: String,
    /// Where the login came from.
    pub ip_address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_activity: Timestamp,
    /// Whether this call was made in it.
    pub is_current: bool,
    /// The device's public name.
    pub device: DeviceHandle,
}

/// Answer of GET /sessions.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionsAnswer {
    /// Newest first.
    pub sessions: Vec<SessionEntry>,
}

/// Answer of DELETE /sessions/{id}.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionEndedAnswer {
    /// `ok`.
    pub status: String,
    /// For a person.
    pub message: String,
}

/// Answer of POST /sessions/`revoke_all` and /sessions/`terminate_all`.
#[derive(Debug, Serialize, Deserialize)]
pub struct RevokedAnswer {
    /// `ok`.
    pub status: String,
    /// How many sessions were ended.
    pub revoked_count: u64,
}

/// POST /devices/register and /devices/revoke.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// 16 hex digits.
    pub device_id: String,
}

/// POST /devices/refresh.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceRefreshRequest {
    /// 16 hex digits.
    pub device_id: String,
    /// The present one.
    pub device_token: Secret,
}

/// POST /devices/authorize.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceAuthorizeRequest {
    /// User id or phone.
    pub identifier: String,
    /// 16 hex digits.
    pub device_id: String,
    /// From an earlier login there.
    pub device_token: Secret,
}

/// Answer of POST /devices/register and /devices/refresh.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceTokenAnswer {
    /// `true`.
    pub ok: bool,
    /// Good for 30 days; the one before it is good no more.
    pub device_token: Secret,
    /// The device's public name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceHandle>,
}

/// Answer of POST /devices/authorize: a login, and `ok`.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceAuthorizedAnswer {
    /// `true`.
    pub ok: bool,
    /// As POST /login answers.
    #[serde(flatten)]
    pub login: super::account::LoginAnswer,
}

/// `{"ok": true}`.
#[derive(Debug, Serialize, Deserialize)]
pub struct OkAnswer {
    /// `true`.
    pub ok: bool,
}

/// One device in GET /devices.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Its public name.
    pub device: DeviceHandle,
    /// What its client calls it.
    pub device_id: String,
    /// When it first signed in.
    pub created_at: Timestamp,
    /// Until when its device token is good, if it has one.
    pub token_expires_at: Option<Timestamp>,
    /// Live sessions on it.
    pub sessions: usize,
    /// Whether it is in the key directory.
    pub has_keys: bool,
    /// Whether this call was made from it.
    pub is_current: bool,
}

/// Answer of GET /devices.
#[derive(Debug, Serialize, Deserialize)]
pub struct DevicesAnswer {
    /// Oldest first.
    pub devices: Vec<DeviceEntry>,
}

/// POST /tokens.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewTokenRequest {
    /// What you call it, 1 to 50 characters.
    pub name: String,
    /// `area:level`, for example `chat:write`.
    pub scopes: Vec<String>,
    /// Days, 1 to 366; 90 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
}

/// Answer of POST /tokens.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewTokenAnswer {
    /// Shown this once.
    pub token: Secret,
    /// For DELETE /tokens/{id}.
    pub id: SessionId,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// One token in GET /tokens.
#[derive(Debug, Serialize, Deserialize)]
pub struct TokenEntry {
    /// For DELETE /tokens/{id}.
    pub id: SessionId,
    /// What its owner calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
}

/// Answer of GET /tokens.
#[derive(Debug, Serialize, Deserialize)]
pub struct TokensAnswer {
    /// Newest first.
    pub tokens: Vec<TokenEntry>,
}

/// Answer of GET /`two_factor`.
#[derive(Debug, Serialize, Deserialize)]
pub struct TwoFactorAnswer {
    /// Whether logins ask for a code.
    pub enabled: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: u64,
}

/// Answer of POST /`two_factor`/enrol.
#[derive(Debug, Serialize, Deserialize)]
pub struct EnrolAnswer {
    /// Base32, to be typed into the authenticator app.
    pub secret: Secret,
    /// `otpauth://…`, for a link on the phone itself.
    pub otpauth_uri: Secret,
    /// The same as a QR code, SVG.
    pub qr_svg: Secret,
}

/// POST /`two_factor`/confirm.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmRequest {
    /// Six digits that the app shows.
    pub code: Secret,
}

/// Answer of POST /`two_factor`/confirm and /`two_factor`/`recovery_codes`.
#[derive(Debug, Serialize, Deserialize)]
pub struct RecoveryCodesAnswer {
    /// Shown this once; each is good once.
    pub recovery_codes: Vec<Secret>,
}
