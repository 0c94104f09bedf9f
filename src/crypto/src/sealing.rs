//! The sealed format, one for everything kept at rest:
//! `0x01 | key id (u32, big endian) | nonce (12 bytes) | ciphertext | tag (16 bytes)`, AES-256-GCM
//! (NIST SP 800-38D) with a random 96-bit nonce (section 8.2.2).

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use zeroize::Zeroizing;

const VERSION: u8 = 0x01;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = 1 + 4 + NONCE;

/// How many bytes longer than its plaintext a sealed value is.
pub const SEAL_OVERHEAD: usize = HEADER + TAG;

/// A value was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The current data key has made its 2^32 seals. A fresh one must be added first: with random nonces
    /// one more would make a repeated nonce likelier than NIST SP 800-38D, section 8.3, allows.
    #[error("data key {0} has made all the seals it may; add a new data key")]
    Exhausted(u32),
    /// Longer than AES-GCM can take under one nonce (64 GiB).
    #[error("too long to be sealed")]
    TooLong,
}

/// A sealed value did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Shorter than the shortest sealed value.
    #[error("the sealed value is cut short")]
    Truncated,
    /// The first byte names no format that this version knows.
    #[error("sealed format {0} is unknown to this version")]
    UnknownVersion(u8),
    /// Sealed under a data key that is not in the keyring, or is there for another purpose.
    #[error("data key {0} is not in the keyring")]
    UnknownKey(u32),
    /// The tag does not fit: the bytes changed, or they belong to another row, column or key.
    #[error("the sealed value was changed or belongs elsewhere")]
    Tampered,
}

/// Seals under a fresh random nonce.
pub(crate) fn seal(
    cipher: &Aes256Gcm,
    key_id: u32,
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    seal_with_nonce(
        cipher,
        key_id,
        crate::random::bytes(),
        associated_data,
        plaintext,
    )
}

/// Seals under the nonce given, which must never have been used with this key: only [`seal`] and the
/// test vectors call it.
pub(crate) fn seal_with_nonce(
    cipher: &Aes256Gcm,
    key_id: u32,
    nonce: [u8; NONCE],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    // The exact size at once: growing would leave a copy of the plaintext behind.
    let mut sealed = Vec::with_capacity(SEAL_OVERHEAD + plaintext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&key_id.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = cipher
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            associated_data,
            sealed[HEADER..].as_mut().into(),
        )
        .map_err(|_| SealError::TooLong)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// A sealed value taken apart, not yet opened.
pub(crate) struct Sealed<'a> {
    /// The data key that it names.
    pub(crate) key_id: u32,
    nonce: &'a [u8; NONCE],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG],
}

impl<'a> Sealed<'a> {
    /// Takes the format apart; nothing is trusted yet.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let (version, rest) = bytes.split_first().ok_or(OpenError::Truncated)?;
        if *version != VERSION {
            return Err(OpenError::UnknownVersion(*version));
        }
        let (key_id, rest) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(OpenError::Truncated)?;
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(OpenError::Truncated)?;
        Ok(Self {
            key_id: u32::from_be_bytes(*key_id),
            nonce,
            ciphertext,
            tag,
        })
    }

    /// Checks the tag, then deciphers.
    pub(crate) fn open(
        &self,
        cipher: &Aes256Gcm,
        associated_data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut plaintext = Zeroizing::new(self.ciphertext.to_vec());
        cipher
            .decrypt_inout_detached(
                &Nonce::from(*self.nonce),
                associated_data,
                plaintext.as_mut_slice().into(),
                &Tag::from(*self.tag),
            )
            .map_err(|_| OpenError::Tampered)?;
        Ok(plaintext)
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::KeyInit;

    use super::*;

    fn cipher() -> Aes256Gcm {
        Aes256Gcm::new(&[7; 32].into())
    }

    #[test]
    fn the_format_is_version_key_nonce_ciphertext_tag() {
        let sealed = seal_with_nonce(&cipher(), 0x0102_0304, [9; 12], b"aad", b"hello").unwrap();
        assert_eq!(
            sealed[..17],
            [1, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]
        );
        assert_eq!(sealed.len(), SEAL_OVERHEAD + 5);
        let opened = Sealed::parse(&sealed).unwrap().open(&cipher(), b"aad");
        assert_eq!(opened.unwrap().as_slice(), b"hello");
    }

    #[test]
    fn every_truncation_is_named() {
        let sealed = seal(&cipher(), 1, b"", b"").unwrap();
        for length in 0..sealed.len() {
            assert_eq!(
                Sealed::parse(&sealed[..length]).err(),
                Some(OpenError::Truncated),
                "{length}"
            );
        }
        assert!(Sealed::parse(&sealed).is_ok());
    }

    #[test]
    fn other_versions_are_named() {
        assert_eq!(
            Sealed::parse(&[2; 64]).err(),
            Some(OpenError::UnknownVersion(2))
        );
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        assert_ne!(seal(&cipher(), 1, b"", b"x"), seal(&cipher(), 1, b"", b"x"));
    }
}
