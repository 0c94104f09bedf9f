//! Account bodies.

use melo_domain::{DeviceHandle, Secret, SessionId, Timestamp, Uid};
use serde::{Deserialize, Serialize};

/// POST /register.
#[derive(Debug, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// E.164; a leading 8 means +7.
    pub phone: String,
    /// 1 to 50 letters, digits, space, `-`, `_`.
    pub name: String,
    /// As `name`.
    pub nickname: String,
    /// By the server's policy, 1024 bytes at most.
    pub password: Secret,
    /// 16 hex digits.
    pub device_id: String,
    /// PEM `SubjectPublicKeyInfo`, RSA, 2048 bits or more.
    pub public_e2e_key: String,
    /// Where the server asks for work: see GET /register/challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pow: Option<ProofOfWork>,
    /// Of POST /register/code, where the phone must be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// Of an admin, where one must be invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Secret>,
}

/// Work that was done for a registration.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProofOfWork {
    /// As the server gave it.
    pub challenge: String,
    /// At most 64 bytes: SHA-256 of `challenge:nonce` begins with as many zero bits as were asked for.
    pub nonce: String,
}

/// Answer of GET /register/challenge.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChallengeAnswer {
    /// To be put in front of the nonce, with a colon.
    pub challenge: String,
    /// Leading zero bits; 0 where no work is asked for.
    pub bits: u8,
    /// Seconds it is good for.
    pub expires_in: u64,
}

/// Answer of POST /register.
#[derive(Debug, Serialize, Deserialize)]
pub struct RegisterAnswer {
    /// The new account.
    pub unique_id: Uid,
    /// As sent.
    pub public_e2e_key: String,
    /// E.164.
    pub phone: String,
    /// As sent.
    pub name: String,
    /// As sent.
    pub nickname: String,
    /// As sent.
    pub device_id: String,
    /// The device's public name.
    pub device: DeviceHandle,
}

/// POST /login.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoginRequest {
    /// User id or phone.
    pub identifier: String,
    /// Not needed with a valid `device_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// 16 hex digits.
    pub device_id: String,
    /// From an earlier login on this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<Secret>,
    /// Replaces the account's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_e2e_key: Option<String>,
    /// Of the second factor, where one is set up: six digits, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// For pages: the access token comes as a cookie that scripts cannot read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookie: bool,
}

/// Answer of POST /login.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoginAnswer {
    /// JWT, RS256. Empty when a cookie was asked for.
    pub access_token: Secret,
    /// `bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// For calls that take one.
    pub csrf_token: String,
    /// Replaces the password on this device. Empty when a cookie was asked for.
    pub device_token: Secret,
    /// The account's RSA key, PEM.
    pub public_e2e_key: String,
    /// The account.
    pub unique_id: Uid,
    /// E.164.
    pub phone: String,
    /// As entered.
    pub name: String,
    /// As entered.
    pub nickname: String,
    /// As sent.
    pub device_id: String,
    /// The device's public name.
    pub device: DeviceHandle,
    /// The new session.
    pub session_id: SessionId,
}

/// Answer of GET /`csrf_token`.
#[derive(Debug, Serialize, Deserialize)]
pub struct CsrfAnswer {
    /// Good as long as the access token.
    pub csrf_token: String,
}

/// Answer of GET /profile.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProfileAnswer {
    /// Good as long as the access token.
    pub csrf_token: String,
    /// Whose profile.
    pub unique_id: Uid,
    /// As entered.
    pub name: String,
    /// As entered.
    pub nickname: String,
    /// As entered.
    pub username: Option<String>,
    /// As entered.
    pub bio: Option<String>,
    /// PEM.
    pub public_e2e_key: String,
    /// On one's own only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// PUT /profile: what is absent stays.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ProfileUpdate {
    /// As at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As at registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// 3 to 32 latin letters, digits, `_`; empty removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// The new password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Needed with `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<Secret>,
}

/// POST /e2e/public_key.
#[derive(Debug, Serialize, Deserialize)]
pub struct PublicKeyUpdate {
    /// PEM.
    pub public_e2e_key: String,
}

/// Answer of GET /public_key.
#[derive(Debug, Serialize, Deserialize)]
pub struct PublicKeyAnswer {
    /// PEM of the key that verifies access tokens.
    pub public_key: String,
}

/// POST /e2e/secret_key.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyBackupUpdate {
    /// The client's own encrypted key backup, 16 characters to 64 KiB.
    pub ciphertext: String,
}

/// Answer of GET /e2e/secret_key.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyBackupAnswer {
    /// As stored.
    pub ciphertext: String,
    /// When it was stored.
    pub updated_at: Timestamp,
}

/// Answer of POST /`ws_ticket`.
#[derive(Debug, Serialize, Deserialize)]
pub struct TicketAnswer {
    /// For `wss://…/?ticket=`, once.
    pub ticket: Secret,
    /// Seconds it is good for.
    pub expires_in: u64,
}
