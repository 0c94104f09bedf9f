//! Signed calls between this server and others: an HMAC over the time and the body.

use hmac::{Hmac, KeyInit, Mac};
use melo_domain::Secret;
use sha2::Sha256;

/// The shortest key, in bytes.
const SHORTEST_KEY: usize = 16;

/// Signs and checks HTTP bodies: HMAC-SHA-256 (RFC 2104) over `timestamp "." body`, in hex. The time is part of
/// it, so that an old call cannot be sent again as a new one.
#[derive(Clone)]
pub struct MessageMac {
    key: Hmac<Sha256>,
}

/// Too short to keep anybody from guessing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key must have at least 16 bytes")]
pub struct ShortMacKey;

impl MessageMac {
    /// The key that both sides have.
    pub fn new(key: &Secret) -> Result<Self, ShortMacKey> {
        if key.expose().len() < SHORTEST_KEY {
            return Err(ShortMacKey);
        }
        let key = Hmac::new_from_slice(key.expose().as_bytes()).map_err(|_| ShortMacKey)?;
        Ok(Self { key })
    }

    fn mac(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.key.clone();
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }

    /// 64 hex digits.
    pub fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        hex::encode(self.mac(timestamp, body).finalize().into_bytes())
    }

    /// Whether `signature` (hex digits) is the one of this time and body; in constant time.
    pub fn verify(&self, timestamp: &str, body: &[u8], signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        self.mac(timestamp, body).verify_slice(&signature).is_ok()
    }
}

impl std::fmt::Debug for MessageMac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageMac([REDACTED])")
    }
}

/// Whether two secrets are one; in time that depends on the length of neither.
pub fn same_secret(one: &Secret, other: &str) -> bool {
    crate::TokenHash::of(one.expose()).matches(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(key: &str) -> MessageMac {
        MessageMac::new(&Secret::new(key.to_owned())).unwrap()
    }

    #[test]
    fn a_signature_is_plain_hmac_sha_256() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let signature = mac("0123456789abcdef").sign("1700000000", br#"{"a":1}"#);
        assert_eq!(
            signature,
            "9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23"
        );
    }

    #[test]
    fn key_time_and_body_are_all_signed() {
        let signature = mac("0123456789abcdef").sign("1", b"body");
        let holds = |key: &str, time: &str, body: &[u8], signature: &str| {
            mac(key).verify(time, body, signature)
        };
        assert!(holds("0123456789abcdef", "1", b"body", &signature));
        assert!(holds(
            "0123456789abcdef",
            "1",
            b"body",
            &signature.to_uppercase()
        ));
        assert!(!holds("0123456789abcdeF", "1", b"body", &signature));
        assert!(!holds("0123456789abcdef", "2", b"body", &signature));
        assert!(!holds("0123456789abcdef", "1", b"bodY", &signature));
        for bad in ["", "zz", &signature[..62], &signature[..63]] {
            assert!(!holds("0123456789abcdef", "1", b"body", bad));
        }
        let short = MessageMac::new(&Secret::new("short".to_owned()));
        assert_eq!(short.err(), Some(ShortMacKey));
    }

    #[test]
    fn secrets_are_compared_whole() {
        let secret = Secret::new("abc".to_owned());
        assert!(same_secret(&secret, "abc"));
        assert!(!same_secret(&secret, "ab") && !same_secret(&secret, "abcd"));
    }
}
