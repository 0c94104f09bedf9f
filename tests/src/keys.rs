//! End-to-end keys for tests, and device keys as a client publishes them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::people::Device;
use crate::unique;

/// RSA public keys of 2048 bits, PEM. Made once, as making one takes longer than a flow; nobody has the
/// private halves, which the server has no use for.
pub const RSA_PEM: [&str; 4] = [
    include_str!("../fixtures/rsa-2048-a.pub.pem"),
    include_str!("../fixtures/rsa-2048-b.pub.pem"),
    include_str!("../fixtures/rsa-2048-c.pub.pem"),
    include_str!("../fixtures/rsa-2048-d.pub.pem"),
];
/// An RSA public key that is too short.
pub const SHORT_RSA_PEM: &str = include_str!("../fixtures/rsa-1024.pub.pem");

/// The DER inside a PEM text.
pub fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).expect("a PEM text")
}

/// The name of an encryption key in envelopes.
pub fn kid(spki_der: &[u8]) -> String {
    hex::encode(&Sha256::digest(spki_der)[..16])
}

/// A signing key of its own.
pub fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest(unique::number().to_be_bytes()).into())
}

/// The keys of a device, as its client holds them.
#[derive(Debug, Clone)]
pub struct DeviceKeys {
    /// RSA, DER.
    pub encryption: Vec<u8>,
    /// Ed25519.
    pub signing: SigningKey,
    /// Ed25519, the account's.
    pub identity: SigningKey,
}

impl DeviceKeys {
    /// Keys with the RSA key of this number, under an identity.
    pub fn new(rsa: usize, identity: &SigningKey) -> Self {
        Self {
            encryption: der(RSA_PEM[rsa]),
            signing: signing_key(),
            identity: identity.clone(),
        }
    }

    /// The encryption key's name.
    pub fn kid(&self) -> String {
        kid(&self.encryption)
    }

    /// The body of POST /keys for this device.
    pub fn publication(&self, device: &Device) -> Value {
        let signing = self.signing.verifying_key();
        let mut statement =
            format!("melo-device/1\n{}\n{}\n", device.uid, device.handle).into_bytes();
        statement.extend_from_slice(&Sha256::digest(&self.encryption));
        statement.extend_from_slice(signing.as_bytes());
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "device": device.handle,
            "encryption_key": encode(&self.encryption),
            "signing_key": encode(signing.as_bytes()),
            "identity_key": encode(self.identity.verifying_key().as_bytes()),
            "signature": encode(&self.identity.sign(&statement).to_bytes()),
        })
    }
}

/// An envelope for these devices. What it holds is of no concern to the server.
pub fn envelope(device: &Device, kids: &[&str]) -> Value {
    let keys: Map<String, Value> = kids
        .iter()
        .map(|kid| ((*kid).to_owned(), json!(format!("key wrapped for {kid}"))))
        .collect();
    json!({
        "v": 1,
        "suite": 1,
        "device": device.handle,
        "id": unique::client_id(),
        "iv": "AAAAAAAAAAAAAAAA",
        "ciphertext": "b3BhcXVl",
        "keys": keys,
        "signature": "c2lnbmVk",
    })
}
