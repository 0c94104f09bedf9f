//! The key directory (docs/CRYPTO.md). Binary fields are base64url without padding (RFC 4648, section 5).

use melo_domain::{DeviceHandle, Uid};
use serde::{Deserialize, Serialize};

/// POST /keys: publishes the calling device's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The calling device.
    pub device: String,
    /// RSA, `SubjectPublicKeyInfo` DER.
    pub encryption_key: String,
    /// Ed25519, 32 bytes.
    pub signing_key: String,
    /// Ed25519, 32 bytes, the same on all devices of the account.
    pub identity_key: String,
    /// The identity key's signature over the three above, 64 bytes.
    pub signature: String,
    /// Start over with another identity: every other device leaves the directory.
    #[serde(default)]
    pub replace_identity: bool,
}

/// Answer of POST /keys and DELETE /keys/{device}.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishAnswer {
    /// `ok`.
    pub status: String,
    /// The directory's version after the change.
    pub version: u64,
}

/// One device of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeys {
    /// The device.
    pub device: DeviceHandle,
    /// Hex of the first 16 bytes of SHA-256 of `encryption_key`: the name in an envelope's `keys`.
    pub kid: String,
    /// RSA, `SubjectPublicKeyInfo` DER.
    pub encryption_key: String,
    /// Ed25519, 32 bytes.
    pub signing_key: String,
    /// The identity key's signature, 64 bytes.
    pub signature: String,
}

/// Answer of GET /keys/{uid}.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDirectory {
    /// Whose.
    pub uid: Uid,
    /// Absent while the person has no device of the new kind.
    pub identity_key: Option<String>,
    /// Rises with each change.
    pub version: u64,
    /// Signed devices.
    pub devices: Vec<DeviceKeys>,
}
