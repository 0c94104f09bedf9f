//! CSRF tokens that need no store: they prove that we issued them, for which session and until when.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::Hmac;
use melo_domain::{Secret, SessionId, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::mac::{mac, subkey};

const TOKEN: usize = 8 + 32;
/// A token is exactly this many characters of base64url.
const TEXT: usize = 54;

/// Issues and checks CSRF tokens: base64url of
/// `expiry (ms since 1970, i64, big endian) | HMAC-SHA-256 of "csrf", session id (i64, big endian), expiry`.
pub struct CsrfTokens {
    key: Hmac<Sha256>,
}

impl CsrfTokens {
    /// The key comes from the application secret by HKDF (RFC 5869), no salt, info `csrf`.
    pub fn new(app_secret: &Secret) -> Self {
        let keys = Hkdf::new(None, app_secret.expose().as_bytes());
        Self {
            key: subkey(&keys, &[b"csrf"]),
        }
    }

    /// A token for this session, good before `expires`.
    pub fn issue(&self, session: SessionId, expires: Timestamp) -> String {
        let expiry = expires.millis().to_be_bytes();
        let mut token = [0; TOKEN];
        token[..8].copy_from_slice(&expiry);
        token[8..].copy_from_slice(&self.mac(session, expiry));
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Whether we issued this token for this session and it is still good.
    pub fn verify(&self, session: SessionId, token: &str, now: Timestamp) -> bool {
        if token.len() != TEXT {
            return false;
        }
        let mut bytes = [0; TOKEN];
        if URL_SAFE_NO_PAD.decode_slice(token, &mut bytes) != Ok(TOKEN) {
            return false;
        }
        let Some((expiry, presented)) = bytes.split_first_chunk() else {
            return false;
        };
        let genuine: bool = self.mac(session, *expiry).ct_eq(presented).into();
        genuine && now.millis() < i64::from_be_bytes(*expiry)
    }

    fn mac(&self, session: SessionId, expiry: [u8; 8]) -> [u8; 32] {
        let session = session.to_i64().to_be_bytes();
        mac(self.key.clone(), &[b"csrf", &session, &expiry])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;

    fn tokens() -> CsrfTokens {
        CsrfTokens::new(&Secret::new("0123456789abcdef0123456789abcdef".into()))
    }

    #[test]
    fn good_for_its_session_until_it_expires() {
        let (mine, other) = (SessionId::from_random(2), SessionId::from_random(4));
        let token = tokens().issue(mine, T(1000));
        assert_eq!(token.len(), TEXT);
        assert!(tokens().verify(mine, &token, T(999)));
        assert!(!tokens().verify(mine, &token, T(1000)));
        assert!(!tokens().verify(other, &token, T(0)));
        let foreign = CsrfTokens::new(&Secret::new("another secret".into()));
        assert!(!foreign.verify(mine, &token, T(0)));
    }

    proptest! {
        #[test]
        fn a_changed_token_is_no_token(at in 0..TEXT, to in "[A-Za-z0-9_-]") {
            let session = SessionId::from_random(2);
            let token = tokens().issue(session, T(1000));
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(tokens().verify(session, &changed, T(0)), changed == token);
        }

        #[test]
        fn any_text_is_survived(text in ".{0,80}") {
            prop_assert!(!tokens().verify(SessionId::from_random(2), &text, T(0)));
        }
    }
}
