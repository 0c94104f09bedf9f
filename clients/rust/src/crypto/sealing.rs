//! AES-256-GCM (NIST SP 800-38D) with a 96-bit nonce and a tag of 16 bytes at the end.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use zeroize::Zeroizing;

/// Length of the nonce, in bytes.
pub const IV_BYTES: usize = 12;
/// Length of the tag, in bytes.
pub const TAG_BYTES: usize = 16;

/// The tag does not hold: another key, another nonce, other associated data, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the authentication tag does not hold")]
pub struct BadTag;

/// Seals `plain`; the tag comes last.
pub fn seal(
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, BadTag> {
    Aes256Gcm::new(key.into())
        .encrypt(&Nonce::from(*iv), Payload { msg: plain, aad })
        .map_err(|_| BadTag)
}

/// Opens what [`seal`] made.
pub fn open(
    key: &[u8; 32],
    iv: &[u8; IV_BYTES],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BadTag> {
    Aes256Gcm::new(key.into())
        .decrypt(&Nonce::from(*iv), Payload { msg: sealed, aad })
        .map(Zeroizing::new)
        .map_err(|_| BadTag)
}
