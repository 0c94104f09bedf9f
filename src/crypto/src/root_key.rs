//! The root key: it wraps data keys and nothing else, so it can live outside the database and be
//! replaced without touching a row.

use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use melo_domain::{Secret, Timestamp};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::data_key::{KeyState, Purpose, WrappedKey};
use crate::random;
use crate::sealing::{self, OpenError, Sealed};

/// Sealed values under the root key carry this in place of a data key's id.
const ROOT_KEY_ID: u32 = 0;

/// 32 random bytes that wrap the data keys.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RootKey([u8; 32]);

/// A text that is no root key. Never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RootKeyError {
    /// A character that base64 does not have.
    #[error("must be URL-safe base64 of 32 bytes, but is not base64")]
    NotBase64,
    /// Base64 of another length.
    #[error("must be URL-safe base64 of 32 bytes, but is of {0} bytes")]
    WrongLength(usize),
}

impl RootKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    /// Reads base64 (RFC 4648) in the URL-safe or the standard alphabet, padded or not.
    pub fn from_base64url(text: &str) -> Result<Self, RootKeyError> {
        let bare = text.trim().trim_end_matches('=');
        let engine = if bare.contains(['+', '/']) {
            STANDARD_NO_PAD
        } else {
            URL_SAFE_NO_PAD
        };
        let bytes = Zeroizing::new(engine.decode(bare).map_err(|_| RootKeyError::NotBase64)?);
        let key = bytes
            .as_slice()
            .try_into()
            .map_err(|_| RootKeyError::WrongLength(bytes.len()))?;
        Ok(Self(key))
    }

    /// The key as URL-safe base64 with padding, the form of `ENCRYPTION_KEY_STR`.
    pub fn to_base64url(&self) -> Secret {
        Secret::new(base64::engine::general_purpose::URL_SAFE.encode(self.0))
    }

    /// Makes a new data key and wraps it. `id` must be new, and not 0.
    pub fn wrap_new(&self, id: u32, purpose: Purpose, now: Timestamp) -> WrappedKey {
        let key = Zeroizing::new(random::bytes::<32>());
        let associated_data = wrapping_data(id, purpose);
        // 32 bytes are never too long; an empty value would be refused by `Keyring::open`.
        let wrapped =
            sealing::seal(&self.cipher(), ROOT_KEY_ID, &associated_data, &*key).unwrap_or_default();
        WrappedKey {
            id,
            purpose,
            wrapped,
            state: KeyState::Current,
            created: now,
            seals: 0,
        }
    }

    /// Opens a wrapped data key.
    pub(crate) fn unwrap(&self, key: &WrappedKey) -> Result<Zeroizing<[u8; 32]>, OpenError> {
        let sealed = Sealed::parse(&key.wrapped)?;
        if sealed.key_id != ROOT_KEY_ID {
            return Err(OpenError::UnknownKey(sealed.key_id));
        }
        let plain = sealed.open(&self.cipher(), &wrapping_data(key.id, key.purpose))?;
        let mut bytes = Zeroizing::new([0; 32]);
        if plain.len() != bytes.len() {
            return Err(OpenError::Tampered);
        }
        bytes.copy_from_slice(&plain);
        Ok(bytes)
    }

    pub(crate) fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&self.0).into())
    }
}

/// Binds a wrapped key to its id and purpose: an index key cannot be passed off as a column key.
pub(crate) fn wrapping_data(id: u32, purpose: Purpose) -> Vec<u8> {
    format!("data_keys.wrapped\0{id}:{}", purpose.code()).into_bytes()
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_either_alphabet_padded_or_not() {
        // 0xfb and 0xff give the characters that the alphabets differ in.
        let url = "-_v_-_v_-_v_-_v_-_v_-_v_-_v_-_v_-_v_-_v_-_s";
        let standard = "+/v/+/v/+/v/+/v/+/v/+/v/+/v/+/v/+/v/+/v/+/s";
        let key = RootKey::from_base64url(url).unwrap();
        for form in [format!("{url}="), standard.into(), format!("{standard}=\n")] {
            assert_eq!(RootKey::from_base64url(&form).unwrap().0, key.0, "{form}");
        }
        assert_eq!(key.to_base64url().expose(), format!("{url}="));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_shown() {
        assert_eq!(
            RootKey::from_base64url("").unwrap_err(),
            RootKeyError::WrongLength(0)
        );
        assert_eq!(
            RootKey::from_base64url("AAAA").unwrap_err(),
            RootKeyError::WrongLength(3)
        );
        let error = RootKey::from_base64url("not a key!").unwrap_err();
        assert_eq!(error, RootKeyError::NotBase64);
        assert!(!error.to_string().contains("not a key!"));
        // Both alphabets in one text.
        assert_eq!(
            RootKey::from_base64url("-_+/").unwrap_err(),
            RootKeyError::NotBase64
        );
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", RootKey([1; 32])), "RootKey([REDACTED])");
    }

    #[test]
    fn a_wrapped_key_opens_only_as_what_it_is() {
        let root = RootKey::generate();
        let key = root.wrap_new(7, Purpose::Column, Timestamp::from_millis(1));
        assert!(root.unwrap(&key).is_ok());
        for other in [
            WrappedKey {
                id: 8,
                ..key.clone()
            },
            WrappedKey {
                purpose: Purpose::Index,
                ..key.clone()
            },
        ] {
            assert_eq!(root.unwrap(&other).unwrap_err(), OpenError::Tampered);
        }
        assert_eq!(
            RootKey::generate().unwrap(&key).unwrap_err(),
            OpenError::Tampered
        );
    }
}
