//! Names for people where their ids have no business: in the credentials for relays of calls, which relays and whoever
//! runs them see.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::Hmac;
use melo_domain::{Secret, SessionId, Uid};
use sha2::Sha256;

use crate::mac::{mac, subkey};

/// Bytes of a name: two never meet by chance.
const LENGTH: usize = 16;

/// Makes them: base64url of the first 16 bytes of HMAC-SHA-256 of `"relay", user id (8 digits), session id (i64, big
/// endian)`.
pub struct RelayPseudonyms {
    key: Hmac<Sha256>,
}

impl RelayPseudonyms {
    /// The key comes from the application secret by HKDF (RFC 5869), no salt, info `relay-pseudonym`. Not from the
    /// secret that is shared with relays: there are few ids, and whoever had the key could try them all.
    pub fn new(app_secret: &Secret) -> Self {
        let keys = Hkdf::new(None, app_secret.expose().as_bytes());
        Self {
            key: subkey(&keys, &[b"relay-pseudonym"]),
        }
    }

    /// The name of a person's session: always the same, and nobody can tell that two sessions are of one person.
    pub fn of(&self, uid: Uid, session: SessionId) -> String {
        let (uid, session) = (uid.to_string(), session.to_i64().to_be_bytes());
        let tag = mac(self.key.clone(), &[b"relay", uid.as_bytes(), &session]);
        URL_SAFE_NO_PAD.encode(&tag[..LENGTH])
    }

    /// The name of whoever runs the server: only who has its secrets knows it.
    pub fn operator(&self) -> String {
        let tag = mac(self.key.clone(), &[b"operator"]);
        URL_SAFE_NO_PAD.encode(&tag[..LENGTH])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_session_of_one_person_under_one_secret() {
        let names = |secret: &str| RelayPseudonyms::new(&Secret::new(secret.to_owned()));
        let uid = |text: &str| text.parse::<Uid>().unwrap();
        let session = |text: &str| text.parse::<SessionId>().unwrap();
        let (anna, phone) = (uid("10000001"), session("0000000000000001"));
        let name = names("one").of(anna, phone);
        assert_eq!(name.len(), 22);
        assert!(!name.contains("10000001"));
        assert_eq!(names("one").of(anna, phone), name);
        assert_ne!(names("two").of(anna, phone), name);
        assert_ne!(names("one").of(uid("10000002"), phone), name);
        assert_ne!(names("one").of(anna, session("0000000000000002")), name);
    }
}
