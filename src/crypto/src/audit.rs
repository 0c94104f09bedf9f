//! The chain that holds the audit log together.

use hkdf::Hkdf;
use hmac::Hmac;
use melo_domain::Secret;
use sha2::Sha256;

use crate::mac::{mac, subkey};

/// The link before the first entry.
pub const AUDIT_START: [u8; 32] = [0; 32];

/// Links audit entries: each link is an HMAC-SHA-256 (RFC 2104) over the link before it and everything the
/// entry says. An entry that is changed, taken out, put in or moved breaks every link after it; and without
/// the key nobody can make links that fit.
pub struct AuditChain {
    key: Hmac<Sha256>,
}

impl AuditChain {
    /// The key comes from the application secret by HKDF (RFC 5869), no salt, info `audit`.
    pub fn new(app_secret: &Secret) -> Self {
        let keys = Hkdf::new(None, app_secret.expose().as_bytes());
        Self {
            key: subkey(&keys, &[b"audit"]),
        }
    }

    /// The link of an entry that says `parts`, after the link `previous`.
    pub fn link(&self, previous: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        // Lengths keep the parts from running into each other.
        let lengths: Vec<[u8; 8]> = parts
            .iter()
            .map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes())
            .collect();
        let mut all: Vec<&[u8]> = vec![previous];
        for (length, part) in lengths.iter().zip(parts) {
            all.extend([length.as_slice(), part]);
        }
        mac(self.key.clone(), &all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(secret: &str) -> AuditChain {
        AuditChain::new(&Secret::new(secret.to_owned()))
    }

    #[test]
    fn a_link_depends_on_the_key_the_previous_link_and_every_part() {
        let link = chain("one").link(&AUDIT_START, &[b"ab", b"c"]);
        assert_eq!(link, chain("one").link(&AUDIT_START, &[b"ab", b"c"]));
        assert_ne!(link, chain("two").link(&AUDIT_START, &[b"ab", b"c"]));
        assert_ne!(link, chain("one").link(&[1; 32], &[b"ab", b"c"]));
        assert_ne!(link, chain("one").link(&AUDIT_START, &[b"a", b"bc"]));
        assert_ne!(link, chain("one").link(&AUDIT_START, &[b"ab"]));
    }
}
