//! Proof of work for registrations: challenges that need no store, and the check of their solutions.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::Hmac;
use melo_domain::{Secret, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::mac::{mac, subkey};
use crate::random;

const EXPIRY: usize = 8;
const SALT: usize = 16;
const HEAD: usize = EXPIRY + 1 + SALT;
const CHALLENGE: usize = HEAD + 32;
/// A challenge is exactly this many characters of base64url.
const TEXT: usize = 76;
/// Longest nonce, in bytes: nobody needs more, and the hash is ours to pay for.
pub const MAX_NONCE: usize = 64;

/// Issues and checks challenges: base64url of
/// `expiry (ms since 1970, i64, big endian) | bits (u8) | salt (16 random bytes) | HMAC-SHA-256 of "pow" and all before`.
/// Work on one is of use only once and only before it expires; that it is used once is the caller's to see to.
pub struct WorkChallenges {
    key: Hmac<Sha256>,
}

impl WorkChallenges {
    /// The key comes from the application secret by HKDF (RFC 5869), no salt, info `pow`.
    pub fn new(app_secret: &Secret) -> Self {
        let keys = Hkdf::new(None, app_secret.expose().as_bytes());
        Self {
            key: subkey(&keys, &[b"pow"]),
        }
    }

    /// A challenge for that many leading zero bits, good before `expires`.
    pub fn issue(&self, bits: u8, expires: Timestamp) -> String {
        let mut challenge = [0; CHALLENGE];
        challenge[..EXPIRY].copy_from_slice(&expires.millis().to_be_bytes());
        challenge[EXPIRY] = bits;
        random::fill(&mut challenge[EXPIRY + 1..HEAD]);
        let link = mac(self.key.clone(), &[b"pow", &challenge[..HEAD]]);
        challenge[HEAD..].copy_from_slice(&link);
        URL_SAFE_NO_PAD.encode(challenge)
    }

    /// Whether we issued this challenge for `bits` or more, it is still good, and `nonce` solves it: SHA-256 of
    /// `challenge:nonce`, both as text, begins with that many zero bits.
    pub fn verify(&self, challenge: &str, nonce: &str, bits: u8, now: Timestamp) -> bool {
        if challenge.len() != TEXT || nonce.len() > MAX_NONCE {
            return false;
        }
        let mut bytes = [0; CHALLENGE];
        if URL_SAFE_NO_PAD.decode_slice(challenge, &mut bytes) != Ok(CHALLENGE) {
            return false;
        }
        let (head, presented) = bytes.split_at(HEAD);
        let link = mac(self.key.clone(), &[b"pow", head]);
        let genuine: bool = link.ct_eq(presented).into();
        let Some((expiry, rest)) = head.split_first_chunk() else {
            return false;
        };
        let asked = rest.first().copied().unwrap_or(0);
        let good = now.millis() < i64::from_be_bytes(*expiry) && asked >= bits;
        genuine && good && solves(challenge, nonce, asked)
    }
}

fn solves(challenge: &str, nonce: &str, bits: u8) -> bool {
    let mut hash = Sha256::new();
    hash.update(challenge.as_bytes());
    hash.update(b":");
    hash.update(nonce.as_bytes());
    leading_zeros(&hash.finalize()) >= u32::from(bits)
}

fn leading_zeros(bytes: &[u8]) -> u32 {
    let mut zeros = 0;
    for byte in bytes {
        zeros += byte.leading_zeros();
        if *byte != 0 {
            break;
        }
    }
    zeros
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;
    const BITS: u8 = 8;

    fn challenges() -> WorkChallenges {
        WorkChallenges::new(&Secret::new("0123456789abcdef0123456789abcdef".into()))
    }

    fn solve(challenge: &str, bits: u8) -> String {
        let mut nonces = (0_u64..).map(|n| n.to_string());
        nonces.find(|nonce| solves(challenge, nonce, bits)).unwrap()
    }

    #[test]
    fn a_solution_is_good_until_the_challenge_expires() {
        let challenge = challenges().issue(BITS, T(1000));
        assert_eq!(challenge.len(), TEXT);
        let nonce = solve(&challenge, BITS);
        assert!(challenges().verify(&challenge, &nonce, BITS, T(999)));
        assert!(!challenges().verify(&challenge, &nonce, BITS, T(1000)));
        assert_ne!(challenge, challenges().issue(BITS, T(1000)));
        let mut nonces = (0_u64..).map(|n| n.to_string());
        let wrong = nonces.find(|n| !solves(&challenge, n, BITS)).unwrap();
        assert!(!challenges().verify(&challenge, &wrong, BITS, T(0)));
        let foreign = WorkChallenges::new(&Secret::new("another secret".into()));
        assert!(!foreign.verify(&challenge, &nonce, BITS, T(0)));
    }

    #[test]
    fn an_easier_challenge_from_before_is_not_enough() {
        let challenge = challenges().issue(1, T(1000));
        let nonce = solve(&challenge, BITS);
        assert!(!challenges().verify(&challenge, &nonce, BITS, T(0)));
        assert!(challenges().verify(&challenge, &nonce, 1, T(0)));
    }

    #[test]
    fn zero_bits_are_counted_from_the_front() {
        assert_eq!(leading_zeros(&[0x80, 0]), 0);
        assert_eq!(leading_zeros(&[0x01, 0]), 7);
        assert_eq!(leading_zeros(&[0, 0x10, 0xff]), 11);
        assert_eq!(leading_zeros(&[0, 0]), 16);
    }

    proptest! {
        #[test]
        fn a_changed_challenge_is_no_challenge(at in 0..TEXT, to in "[A-Za-z0-9_-]") {
            let challenge = challenges().issue(0, T(1000));
            let mut changed = challenge.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(challenges().verify(&changed, "", 0, T(0)), changed == challenge);
        }

        #[test]
        fn any_text_is_survived(challenge in ".{0,90}", nonce in ".{0,90}") {
            prop_assert!(!challenges().verify(&challenge, &nonce, 0, T(0)));
        }
    }
}
