//! Data keys: as the database keeps them, and as the keyring uses them.

use std::sync::atomic::{AtomicU64, Ordering};

use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::Hmac;
use melo_domain::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::mac;
use crate::sealing::SealError;

/// How many seals one data key may make: the bound of NIST SP 800-38D, section 8.3, for random nonces.
pub(crate) const MOST_SEALS: u64 = 1 << 32;

/// A number in table `data_keys` that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown data key {what} {code}")]
pub struct UnknownKeyCode {
    /// `purpose` or `state`.
    pub what: &'static str,
    /// The number found.
    pub code: i16,
}

/// What a data key is for. One key never serves two purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Seals columns.
    Column = 1,
    /// Keys blind indexes.
    Index = 2,
    /// Seals and names short-lived entries outside the database.
    Ephemeral = 3,
    /// Seals backups.
    Backup = 4,
}

impl Purpose {
    /// All four, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Column, Self::Index, Self::Ephemeral, Self::Backup];

    /// Its place in [`Purpose::ALL`].
    pub(crate) const fn slot(self) -> usize {
        self as usize - 1
    }

    /// The number the database keeps.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Reads the number back.
    pub fn from_code(code: i16) -> Result<Self, UnknownKeyCode> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.code() == code);
        found.ok_or(UnknownKeyCode {
            what: "purpose",
            code,
        })
    }
}

/// Whether a data key still makes new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Makes new values.
    Current = 1,
    /// Only opens what was made under it.
    Retired = 2,
}

impl KeyState {
    /// The number the database keeps.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Reads the number back.
    pub fn from_code(code: i16) -> Result<Self, UnknownKeyCode> {
        match code {
            1 => Ok(Self::Current),
            2 => Ok(Self::Retired),
            code => Err(UnknownKeyCode {
                what: "state",
                code,
            }),
        }
    }
}

/// A data key as table `data_keys` keeps it: sealed under the root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its number, in every value sealed under it. Unique over all purposes, never 0, never used again.
    pub id: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// The key, sealed under the root key.
    pub wrapped: Vec<u8>,
    /// Whether it makes new values.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// How many values it had sealed when this row was last written.
    pub seals: u64,
}

/// How much a data key has been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage {
    /// Which key.
    pub id: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// How many values it has sealed, the stored count included.
    pub seals: u64,
    /// When it was made.
    pub created: Timestamp,
}

/// A data key ready for use: the AES key schedule expanded, the HKDF extract step done.
pub(crate) struct DataKey {
    pub(crate) id: u32,
    pub(crate) purpose: Purpose,
    pub(crate) created: Timestamp,
    pub(crate) cipher: Aes256Gcm,
    derivation: Hkdf<Sha256>,
    seals: AtomicU64,
}

impl DataKey {
    pub(crate) fn new(row: &WrappedKey, key: &Zeroizing<[u8; 32]>) -> Self {
        Self {
            id: row.id,
            purpose: row.purpose,
            created: row.created,
            cipher: Aes256Gcm::new((&**key).into()),
            derivation: Hkdf::new(None, key.as_slice()),
            seals: AtomicU64::new(row.seals),
        }
    }

    /// An HMAC under the subkey that HKDF (RFC 5869) derives for `info`.
    pub(crate) fn subkey(&self, info: &[&[u8]]) -> Hmac<Sha256> {
        mac::subkey(&self.derivation, info)
    }

    /// Counts a seal about to be made, or refuses it.
    pub(crate) fn count_seal(&self) -> Result<(), SealError> {
        if self.seals.fetch_add(1, Ordering::Relaxed) < MOST_SEALS {
            Ok(())
        } else {
            Err(SealError::Exhausted(self.id))
        }
    }

    /// How many seals were made. Refused ones raise the counter too, hence the bound.
    pub(crate) fn seals(&self) -> u64 {
        self.seals.load(Ordering::Relaxed).min(MOST_SEALS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_unknown_ones_are_named() {
        for (code, purpose) in (1..).zip(Purpose::ALL) {
            assert_eq!(Purpose::ALL[purpose.slot()], purpose);
            assert_eq!(purpose.code(), code);
            assert_eq!(Purpose::from_code(code), Ok(purpose));
        }
        for state in [KeyState::Current, KeyState::Retired] {
            assert_eq!(KeyState::from_code(state.code()), Ok(state));
        }
        assert_eq!(
            Purpose::from_code(0),
            Err(UnknownKeyCode {
                what: "purpose",
                code: 0
            })
        );
        assert_eq!(
            KeyState::from_code(3),
            Err(UnknownKeyCode {
                what: "state",
                code: 3
            })
        );
    }
}
