//! Bearer secrets (device, refresh, reset, invite and access tokens): random, and kept only as hashes.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random;

/// Keeps these hashes apart from SHA-256 of the same text made for anything else.
const DOMAIN: &[u8] = b"melo-token/1\n";

/// A secret that whoever carries it may use.
pub struct BearerToken;

impl BearerToken {
    /// A new token, 32 random bytes as 43 characters of base64url, and the hash to keep in its place.
    pub fn generate() -> (Secret, TokenHash) {
        let token = Secret::new(URL_SAFE_NO_PAD.encode(random::bytes::<32>()));
        let hash = TokenHash::of(token.expose());
        (token, hash)
    }
}

/// What is kept of a bearer token: SHA-256. Fast is right here, as the token itself cannot be guessed.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

/// Not a token hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token hash has 32 bytes, not {0}")]
pub struct InvalidTokenHash(usize);

impl TokenHash {
    /// The hash of a token as presented.
    pub fn of(token: &str) -> Self {
        Self(
            Sha256::new()
                .chain_update(DOMAIN)
                .chain_update(token)
                .finalize()
                .into(),
        )
    }

    /// Reads one back from the database.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidTokenHash> {
        let read = bytes.try_into().map(Self);
        read.map_err(|_| InvalidTokenHash(bytes.len()))
    }

    /// What the database keeps: 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the hash of the token presented; in constant time.
    pub fn matches(&self, token: &str) -> bool {
        *self == Self::of(token)
    }
}

impl PartialEq for TokenHash {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_matches_its_own_hash_alone() {
        let (token, hash) = BearerToken::generate();
        assert_eq!(token.expose().len(), 43);
        assert!(hash.matches(token.expose()));
        assert!(!hash.matches(BearerToken::generate().0.expose()));
        assert!(!hash.matches(""));
        assert!(!hash.matches(&token.expose()[..42]));
    }

    #[test]
    fn hashes_round_trip_and_other_lengths_are_refused() {
        let hash = TokenHash::of("a");
        assert_eq!(TokenHash::from_bytes(hash.as_bytes()), Ok(hash));
        assert_eq!(TokenHash::from_bytes(&[0; 31]), Err(InvalidTokenHash(31)));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", TokenHash::of("a")), "TokenHash([REDACTED])");
    }
}
