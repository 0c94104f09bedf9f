//! The account's identity key and a device's keys, both Ed25519 (RFC 8032), and the statement by which
//! the identity vouches for a device.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use melo_domain::{DeviceHandle, Uid};
use melo_protocol::rest::keys::PublishRequest;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::encoding::encode;
use super::rsa_keys::DecryptionKey;
use super::{RandomError, random};

/// What the identity key signs for a device: `"melo-device/1\n" uid "\n" device "\n" SHA-256(encryption_key) ||
/// signing_key`, where `encryption_key` is the `SubjectPublicKeyInfo` in DER.
pub fn device_statement(
    uid: Uid,
    device: DeviceHandle,
    encryption_key_der: &[u8],
    signing_key: &[u8; 32],
) -> Vec<u8> {
    let mut statement = format!("melo-device/1\n{uid}\n{device}\n").into_bytes();
    statement.extend_from_slice(&Sha256::digest(encryption_key_der));
    statement.extend_from_slice(signing_key);
    statement
}

/// A public Ed25519 key that signatures can be checked with: a point on the curve, and not one of the few
/// under which anything verifies.
pub fn verifying_key(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(bytes)
        .ok()
        .filter(|key| !key.is_weak())
}

/// An Ed25519 key pair. Wiped from memory when dropped.
#[derive(Clone)]
pub struct SignatureKey(SigningKey);

impl SignatureKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self::from_seed(&Zeroizing::new(random::bytes()?)))
    }

    /// From the 32 secret bytes (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32 secret bytes.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureKey([REDACTED])")
    }
}

/// Checks a signature by the strict rules (no small-order keys, one encoding only).
pub fn verifies(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    key.verify_strict(message, &Signature::from_bytes(signature))
        .is_ok()
}

/// All keys of one device, its account's identity among them.
#[derive(Debug, Clone)]
pub struct DeviceSecrets {
    /// Opens the message keys wrapped for this device.
    pub encryption: DecryptionKey,
    /// Signs what this device sends.
    pub signing: SignatureKey,
    /// The account's identity, the same on each of its devices.
    pub identity: SignatureKey,
}

impl DeviceSecrets {
    /// What this device publishes in the key directory.
    pub fn publish_request(
        &self,
        uid: Uid,
        device: DeviceHandle,
        replace_identity: bool,
    ) -> PublishRequest {
        let encryption_key = self.encryption.public().der();
        let signing_key = self.signing.public();
        let statement = device_statement(uid, device, encryption_key, &signing_key);
        PublishRequest {
            device: device.to_string(),
            encryption_key: encode(encryption_key),
            signing_key: encode(&signing_key),
            identity_key: encode(&self.identity.public()),
            signature: encode(&self.identity.sign(&statement)),
            replace_identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{device_of, person};
    use super::*;

    #[test]
    fn a_statement_holds_for_its_own_device_alone() {
        let secrets = person(1);
        let identity = verifying_key(&secrets.identity.public()).unwrap();
        let (uid, device) = (Uid::from_random(1), device_of(1));
        let statement = device_statement(uid, device, b"key", &[1; 32]);
        let signature = secrets.identity.sign(&statement);
        assert!(verifies(&identity, &statement, &signature));
        for other in [
            device_statement(Uid::from_random(2), device, b"key", &[1; 32]),
            device_statement(uid, device_of(2), b"key", &[1; 32]),
            device_statement(uid, device, b"kez", &[1; 32]),
            device_statement(uid, device, b"key", &[2; 32]),
        ] {
            assert!(!verifies(&identity, &other, &signature));
        }
    }

    #[test]
    fn weak_keys_are_no_keys() {
        let mut identity_element = [0; 32];
        identity_element[0] = 1;
        assert!(verifying_key(&identity_element).is_none());
        assert!(verifying_key(&[0; 32]).is_none());
    }
}
