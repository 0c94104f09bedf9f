//! Bodies of passwords, codes, mail addresses, invites, and the reports of those who deliver.

use melo_domain::{Secret, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// POST /register/code.
#[derive(Debug, Serialize, Deserialize)]
pub struct CodeRequest {
    /// As for POST /register.
    pub phone: String,
}

/// Answer of the calls that send something.
#[derive(Debug, Serialize, Deserialize)]
pub struct SentAnswer {
    /// `sent`, whether or not there was anybody to send it to.
    pub status: String,
    /// Seconds that what was sent is good for.
    pub expires_in: u64,
}

/// POST /password/change.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordChange {
    /// The one to be replaced.
    pub current_password: Secret,
    /// By the server's policy.
    pub new_password: Secret,
}

/// Answer of POST /password/change.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// `changed`.
    pub status: String,
    /// Other sessions that were ended.
    pub revoked_count: u64,
}

/// POST /password/reset/request.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResetRequest {
    /// User id, phone or confirmed mail address.
    pub identifier: String,
    /// `sms` or `mail`; the server chooses when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// POST /password/reset: `token`, or `identifier` and `code`.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordReset {
    /// From the mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// As in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// From the text message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// By the server's policy.
    pub new_password: Secret,
}

/// PUT /account/email.
#[derive(Debug, Serialize, Deserialize)]
pub struct EmailUpdate {
    /// The address.
    pub email: String,
}

/// POST /account/email/confirm.
#[derive(Debug, Serialize, Deserialize)]
pub struct EmailConfirmation {
    /// From the mail.
    pub token: Secret,
}

/// Answer of GET /account/email.
#[derive(Debug, Serialize, Deserialize)]
pub struct EmailAnswer {
    /// The confirmed address.
    pub email: Option<String>,
    /// When it was confirmed.
    pub confirmed_at: Option<Timestamp>,
}

/// POST /admin/invites.
#[derive(Debug, Serialize, Deserialize)]
pub struct InviteRequest {
    /// Accounts it is good for, 1 to 1000.
    pub uses: u32,
    /// Minutes it is good for, up to a year.
    pub ttl_minutes: u32,
    /// For its maker, 200 characters at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One invite.
#[derive(Debug, Serialize, Deserialize)]
pub struct InviteView {
    /// 16 hex digits.
    pub id: String,
    /// In the answer of POST alone: it is kept nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// Accounts it was made for.
    pub uses: u32,
    /// Accounts it is still good for.
    pub uses_left: u32,
    /// As given.
    pub note: Option<String>,
    /// Who made it.
    pub created_by: Uid,
    /// When.
    pub created_at: Timestamp,
    /// It is good until then.
    pub expires_at: Timestamp,
}

/// Answer of GET /admin/invites.
#[derive(Debug, Serialize, Deserialize)]
pub struct InvitesAnswer {
    /// In the order of their ids, which are random.
    pub invites: Vec<InviteView>,
    /// For `after`; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// POST /webhooks/sms.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// The `id` of the message.
    pub id: String,
    /// `sent`, `delivered` or `failed`.
    pub status: String,
}
