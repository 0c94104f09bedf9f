//! Long-term credentials (RFC 8489, section 9.2), and those for a while that a shared secret makes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use melo_domain::Secret;
use sha1::Sha1;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What messages are signed with.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 16]);

impl Key {
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key([REDACTED])")
    }
}

/// The key of a name and password within a realm (RFC 8489, section 18.5.1.1). MD5, as every browser computes it; the
/// strength is the password's.
pub fn long_term_key(username: &str, realm: &str, password: &Secret) -> Key {
    let mut hash = Md5::new();
    for part in [username, ":", realm, ":", password.expose()] {
        hash.update(part.as_bytes());
    }
    Key(hash.finalize().into())
}

/// The password that belongs to the name `expiry:whom`: HMAC-SHA1 under a secret that the TURN server knows, in
/// base64. The form that coturn calls `use-auth-secret` ("A REST API For Access To TURN Services",
/// draft-uberti-behave-turn-rest-00, section 2.2).
pub fn shared_secret_password(secret: &Secret, username: &str) -> Secret {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes()) else {
        // HMAC takes keys of any length. Going on would mean a password that everybody can compute.
        std::process::abort();
    };
    mac.update(username.as_bytes());
    Secret::new(STANDARD.encode(mac.finalize().into_bytes()))
}
