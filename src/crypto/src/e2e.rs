//! What the server checks of end-to-end keys before it hands them on. It never has a private one.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use melo_domain::{DeviceHandle, Uid};
use rsa::RsaPublicKey;
use rsa::pkcs8::SubjectPublicKeyInfoRef;
use rsa::pkcs8::der::Decode;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};

/// How long an RSA key may be, in bits.
pub(crate) const RSA_BITS: RangeInclusive<usize> = 2048..=8192;
/// The longest public key that is looked at, in bytes, as PEM or DER.
const LONGEST_KEY: usize = 4096;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Not a public key to encrypt to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Longer than 4 KiB.
    #[error("a public key has at most 4096 bytes")]
    TooLong,
    /// No PEM block of a public key.
    #[error("must be a public key in PEM form, beginning with {BEGIN}")]
    NotPem,
    /// Not a `SubjectPublicKeyInfo` of an RSA key.
    #[error("must be the SubjectPublicKeyInfo of an RSA key")]
    NotRsa,
    /// Too short to be safe, or too long to be used.
    #[error("must be an RSA key of 2048 to 8192 bits, but has {0}")]
    WrongSize(usize),
}

/// An RSA public key as PEM `SubjectPublicKeyInfo` (RFC 7468, section 13), 2048 to 8192 bits, at most
/// 4 KiB. Kept as it was sent: clients compare the text.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKeyPem {
    text: String,
    der: Vec<u8>,
}

impl PublicKeyPem {
    /// Accepts any line length and line ending, as existing clients write them.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        if text.len() > LONGEST_KEY {
            return Err(PublicKeyError::TooLong);
        }
        let base64 = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END));
        let mut base64 = base64.ok_or(PublicKeyError::NotPem)?.to_owned();
        base64.retain(|c| !c.is_ascii_whitespace());
        let der = STANDARD
            .decode(base64)
            .map_err(|_| PublicKeyError::NotPem)?;
        check_rsa(&der)?;
        Ok(Self {
            text: text.to_owned(),
            der,
        })
    }

    /// The text as sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key's name in envelopes.
    pub fn kid(&self) -> String {
        kid(&self.der)
    }
}

impl fmt::Debug for PublicKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKeyPem([REDACTED])")
    }
}

/// The name of a key: hex of the first 16 bytes of SHA-256 of its `SubjectPublicKeyInfo` DER.
pub fn kid(spki_der: &[u8]) -> String {
    hex::encode(&Sha256::digest(spki_der)[..16])
}

/// A device's keys as published.
#[derive(Clone, Copy)]
pub struct DeviceKeyClaim<'a> {
    /// Whose device.
    pub uid: Uid,
    /// Which device.
    pub device: DeviceHandle,
    /// RSA, `SubjectPublicKeyInfo` DER.
    pub encryption_key: &'a [u8],
    /// Ed25519, 32 bytes.
    pub signing_key: &'a [u8],
    /// Ed25519, 32 bytes.
    pub identity_key: &'a [u8],
    /// The identity key's signature over [`device_statement`], 64 bytes.
    pub signature: &'a [u8],
}

/// Device keys that must not enter the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceKeyError {
    /// The RSA key.
    #[error("encryption_key: {0}")]
    EncryptionKey(#[from] PublicKeyError),
    /// Not 32 bytes, or no point that signatures can be checked with.
    #[error("signing_key must be an Ed25519 public key of 32 bytes")]
    SigningKey,
    /// Not 32 bytes, or no point that signatures can be checked with.
    #[error("identity_key must be an Ed25519 public key of 32 bytes")]
    IdentityKey,
    /// Not 64 bytes, or not made by the identity key over this statement.
    #[error("signature must be the identity key's Ed25519 signature over this device's keys")]
    Signature,
}

/// What an identity key signs to say that a device is its owner's:
/// `"melo-device/1\n" uid "\n" device "\n" SHA-256(encryption_key) || signing_key`.
pub fn device_statement(
    uid: Uid,
    device: DeviceHandle,
    encryption_key: &[u8],
    signing_key: &[u8],
) -> Vec<u8> {
    let mut statement = format!("melo-device/1\n{uid}\n{device}\n").into_bytes();
    statement.extend_from_slice(&Sha256::digest(encryption_key));
    statement.extend_from_slice(signing_key);
    statement
}

/// Checks every key of a claim, and the identity key's signature over them (RFC 8032, section 5.1.7,
/// without the leniencies: canonical encodings, no points of small order).
pub fn verify_device(claim: DeviceKeyClaim<'_>) -> Result<(), DeviceKeyError> {
    check_rsa(claim.encryption_key)?;
    ed25519(claim.signing_key).ok_or(DeviceKeyError::SigningKey)?;
    let identity = ed25519(claim.identity_key).ok_or(DeviceKeyError::IdentityKey)?;
    let signature =
        Signature::from_slice(claim.signature).map_err(|_| DeviceKeyError::Signature)?;
    let statement = device_statement(
        claim.uid,
        claim.device,
        claim.encryption_key,
        claim.signing_key,
    );
    identity
        .verify_strict(&statement, &signature)
        .map_err(|_| DeviceKeyError::Signature)
}

fn ed25519(bytes: &[u8]) -> Option<VerifyingKey> {
    let bytes = bytes.try_into().ok()?;
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    // One point, one encoding: two forms of a key would be two identities to whoever compares bytes.
    let canonical = key.to_edwards().compress().as_bytes() == bytes;
    (canonical && !key.is_weak()).then_some(key)
}

fn check_rsa(spki_der: &[u8]) -> Result<(), PublicKeyError> {
    if spki_der.len() > LONGEST_KEY {
        return Err(PublicKeyError::TooLong);
    }
    let spki = SubjectPublicKeyInfoRef::from_der(spki_der).map_err(|_| PublicKeyError::NotRsa)?;
    // Keys marked for PSS are for signing only.
    if spki.algorithm.oid != rsa::pkcs1::ALGORITHM_OID {
        return Err(PublicKeyError::NotRsa);
    }
    let key = RsaPublicKey::try_from(spki).map_err(|_| PublicKeyError::NotRsa)?;
    let bits = modulus_bits(&key);
    if RSA_BITS.contains(&bits) {
        Ok(())
    } else {
        Err(PublicKeyError::WrongSize(bits))
    }
}

pub(crate) fn modulus_bits(key: &RsaPublicKey) -> usize {
    usize::try_from(key.n().bits()).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "e2e_tests.rs"]
mod tests;
