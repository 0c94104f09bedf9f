//! Bytes sealed under a passphrase: Argon2id (RFC 9106) or, for what a browser wrote, PBKDF2 with
//! HMAC-SHA-256 (RFC 8018, section 5.2) gives the key, AES-256-GCM seals. Used by the key store file and the
//! key backup.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::encoding::{decode, decode_array, encode};
use super::sealing::{BadTag, IV_BYTES, open, seal};
use super::{RandomError, random};

/// The most memory a foreign file may ask for, in KiB.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// The least memory that is accepted, in KiB (19 MiB).
const MIN_MEMORY_KIB: u32 = 19 * 1024;
/// The most passes a foreign file may ask for.
const MAX_PASSES: u32 = 32;
/// The fewest PBKDF2 rounds that are accepted.
const MIN_ROUNDS: u32 = 600_000;
/// The most PBKDF2 rounds a foreign file may ask for.
const MAX_ROUNDS: u32 = 20_000_000;

/// Why something sealed under a passphrase does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// The passphrase is another one, or the bytes were changed.
    #[error("the passphrase is wrong, or the data is damaged")]
    Wrong,
    /// Not the form that this crate writes.
    #[error("the sealed data is not of a known form")]
    Malformed,
    /// Key derivation parameters outside of what is safe to follow.
    #[error("the sealed data asks for key derivation parameters outside of the accepted range")]
    Parameters,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<BadTag> for PassphraseError {
    fn from(_: BadTag) -> Self {
        Self::Wrong
    }
}

/// How a key is made from a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kdf")]
pub enum Kdf {
    /// Argon2id, version 0x13.
    #[serde(rename = "argon2id")]
    Argon2id {
        /// Memory in KiB.
        m: u32,
        /// Passes.
        t: u32,
        /// Lanes.
        p: u32,
    },
    /// PBKDF2 with HMAC-SHA-256.
    #[serde(rename = "pbkdf2-sha256")]
    Pbkdf2 {
        /// Rounds.
        rounds: u32,
    },
}

impl Kdf {
    /// What new files are sealed with: 64 MiB, 3 passes.
    pub const STRONG: Self = Self::Argon2id {
        m: 64 * 1024,
        t: 3,
        p: 1,
    };
    /// The least that is accepted: 19 MiB, 2 passes.
    pub const LEAST: Self = Self::Argon2id {
        m: MIN_MEMORY_KIB,
        t: 2,
        p: 1,
    };

    fn derive(
        self,
        passphrase: &str,
        salt: &[u8; 16],
    ) -> Result<Zeroizing<[u8; 32]>, PassphraseError> {
        let mut key = Zeroizing::new([0; 32]);
        match self {
            Self::Argon2id { m, t, p } => {
                let sane = (MIN_MEMORY_KIB..=MAX_MEMORY_KIB).contains(&m)
                    && (2..=MAX_PASSES).contains(&t)
                    && (1..=16).contains(&p);
                if !sane {
                    return Err(PassphraseError::Parameters);
                }
                let params =
                    Params::new(m, t, p, Some(32)).map_err(|_| PassphraseError::Parameters)?;
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
                    .map_err(|_| PassphraseError::Parameters)?;
            }
            Self::Pbkdf2 { rounds } => {
                if !(MIN_ROUNDS..=MAX_ROUNDS).contains(&rounds) {
                    return Err(PassphraseError::Parameters);
                }
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(passphrase.as_bytes(), salt, rounds, &mut *key);
            }
        }
        Ok(key)
    }
}

/// The JSON form of something sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    v: u8,
    #[serde(flatten)]
    kdf: Kdf,
    salt: String,
    iv: String,
    ciphertext: String,
}

/// A key made from a passphrase, kept so that a file can be written again without deriving it anew.
pub struct PassphraseKey {
    kdf: Kdf,
    salt: [u8; 16],
    key: Zeroizing<[u8; 32]>,
}

impl PassphraseKey {
    /// Derives a key under a fresh salt. Slow on purpose: not for async threads.
    pub fn derive(passphrase: &str, kdf: Kdf) -> Result<Self, PassphraseError> {
        let salt = random::bytes()?;
        Ok(Self {
            kdf,
            salt,
            key: kdf.derive(passphrase, &salt)?,
        })
    }

    /// Seals `plain` under a fresh nonce.
    pub fn seal(&self, aad: &str, plain: &[u8]) -> Result<Sealed, PassphraseError> {
        let iv: [u8; IV_BYTES] = random::bytes()?;
        let ciphertext = seal(&self.key, &iv, aad.as_bytes(), plain)?;
        Ok(Sealed {
            v: 1,
            kdf: self.kdf,
            salt: encode(&self.salt),
            iv: encode(&iv),
            ciphertext: encode(&ciphertext),
        })
    }
}

impl fmt::Debug for PassphraseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseKey([REDACTED])")
    }
}

impl Sealed {
    /// Opens what [`PassphraseKey::seal`] made. Slow on purpose: not for async threads.
    pub fn open(
        &self,
        passphrase: &str,
        aad: &str,
    ) -> Result<(PassphraseKey, Zeroizing<Vec<u8>>), PassphraseError> {
        let malformed = |_| PassphraseError::Malformed;
        if self.v != 1 {
            return Err(PassphraseError::Malformed);
        }
        let salt = decode_array(&self.salt).map_err(malformed)?;
        let iv = decode_array(&self.iv).map_err(malformed)?;
        let ciphertext = decode(&self.ciphertext).map_err(malformed)?;
        let key = self.kdf.derive(passphrase, &salt)?;
        let plain = open(&key, &iv, aad.as_bytes(), &ciphertext)?;
        Ok((
            PassphraseKey {
                kdf: self.kdf,
                salt,
                key,
            },
            plain,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_passphrase_and_purpose_open_it() {
        let key = PassphraseKey::derive("correct horse", Kdf::LEAST).unwrap();
        let sealed = key.seal("purpose", b"secret").unwrap();
        let text = serde_json::to_string(&sealed).unwrap();
        let sealed: Sealed = serde_json::from_str(&text).unwrap();
        assert_eq!(
            &**sealed.open("correct horse", "purpose").unwrap().1,
            b"secret"
        );
        assert_eq!(
            sealed.open("wrong", "purpose").err(),
            Some(PassphraseError::Wrong)
        );
        assert_eq!(
            sealed.open("correct horse", "other").err(),
            Some(PassphraseError::Wrong)
        );
    }

    #[test]
    fn a_browser_s_form_is_read() {
        let kdf = Kdf::Pbkdf2 { rounds: MIN_ROUNDS };
        let sealed = PassphraseKey::derive("p", kdf)
            .unwrap()
            .seal("a", b"x")
            .unwrap();
        assert!(sealed.open("p", "a").is_ok());
    }

    #[test]
    fn parameters_have_limits() {
        for kdf in [
            Kdf::Argon2id { m: 8, t: 2, p: 1 },
            Kdf::Argon2id {
                m: u32::MAX,
                t: 2,
                p: 1,
            },
            Kdf::Argon2id {
                m: MIN_MEMORY_KIB,
                t: u32::MAX,
                p: 1,
            },
            Kdf::Argon2id {
                m: MIN_MEMORY_KIB,
                t: 2,
                p: 0,
            },
            Kdf::Pbkdf2 { rounds: 1000 },
            Kdf::Pbkdf2 { rounds: u32::MAX },
        ] {
            assert_eq!(
                PassphraseKey::derive("p", kdf).err(),
                Some(PassphraseError::Parameters)
            );
        }
    }
}
