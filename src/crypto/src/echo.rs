//! What the echo contact signs in and keeps its keys with: always the same for one application secret, so that nothing
//! of it has to be stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use melo_domain::Secret;

use crate::mac::{mac, subkey};

/// Secrets of the echo contact.
#[derive(Debug)]
pub struct EchoSecrets {
    /// Of its account.
    pub password: Secret,
    /// Of its key store on this machine.
    pub passphrase: Secret,
    /// Of the backup of its identity.
    pub recovery: Secret,
}

impl EchoSecrets {
    /// Each is HMAC-SHA-256 of its name, in base64url, under a key that comes from the application secret by HKDF
    /// (RFC 5869), no salt, info `echo`.
    pub fn new(app_secret: &Secret) -> Self {
        let keys = Hkdf::new(None, app_secret.expose().as_bytes());
        let key = subkey(&keys, &[b"echo"]);
        let secret = |name: &[u8]| {
            let tag = mac(key.clone(), &[name]);
            Secret::new(URL_SAFE_NO_PAD.encode(tag))
        };
        Self {
            password: secret(b"password"),
            passphrase: secret(b"passphrase"),
            recovery: secret(b"recovery"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_differ_from_each_other_and_between_servers() {
        let of = |secret: &str| {
            let EchoSecrets {
                password,
                passphrase,
                recovery,
            } = EchoSecrets::new(&Secret::new(secret.to_owned()));
            [password, passphrase, recovery].map(|secret| secret.expose().to_owned())
        };
        let (one, other) = (of("one"), of("other"));
        assert_eq!(one, of("one"));
        let mut all = [one, other].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|secret| secret.len() == 43));
    }
}
