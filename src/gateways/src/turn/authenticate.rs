//! Who asks? Long-term credentials (RFC 8489, section 9.2.4) whose name says until when they are good.

use std::net::SocketAddr;

use melo_domain::Timestamp;
use melo_stun::{
    Class, Integrity, Key, Message, Writer, attribute, code, long_term_key, shared_secret_password,
};

use super::figures::Refusal;
use super::relay::Relay;

/// The longest name that is looked at: digits, a colon, a pseudonym.
const LONGEST_NAME: usize = 128;

/// Whoever signed a request.
pub(super) struct Identity {
    /// Stands for somebody, and says nothing of them.
    pub pseudonym: Box<str>,
    /// Until when the credentials are good.
    pub expires: Timestamp,
    /// Signs the answer.
    pub key: Key,
}

/// An answer to this request.
pub(super) fn answer(to: &Message<'_>, class: Class) -> Writer {
    Writer::new(class, to.method, to.id())
}

/// Finishes an answer: signed, if it is for somebody; with a fingerprint, if the request had one.
pub(super) fn finish(to: &Message<'_>, answer: Writer, key: Option<&Key>) -> Vec<u8> {
    let signed = match key {
        Some(key) => answer.sign(key),
        None => answer,
    };
    match to.fingerprint() {
        Some(_) => signed.fingerprint().finish(),
        None => signed.finish(),
    }
}

/// A refusal.
pub(super) fn refuse(to: &Message<'_>, code: u16, reason: &str, key: Option<&Key>) -> Vec<u8> {
    finish(to, answer(to, Class::Error).put_error(code, reason), key)
}

impl Relay {
    /// Checks the signature. `Err` is the answer.
    pub fn identify(&self, request: &Message<'_>, client: SocketAddr) -> Result<Identity, Vec<u8>> {
        if !request.is_signed() {
            return Err(self.challenge(request, client, code::UNAUTHORIZED, "Unauthorized"));
        }
        let (Some(name), Some(realm), Some(nonce)) = (
            request.get(attribute::USERNAME),
            request.get(attribute::REALM),
            request.get(attribute::NONCE),
        ) else {
            return Err(refuse(request, code::BAD_REQUEST, "Bad Request", None));
        };
        let now = self.now();
        if !self.nonces.is_good(nonce, client, now) {
            return Err(self.challenge(request, client, code::STALE_NONCE, "Stale Nonce"));
        }
        let identity = std::str::from_utf8(name)
            .ok()
            .filter(|_| realm == self.settings.realm.as_bytes())
            .and_then(|name| self.read_name(name, now))
            .filter(|identity| request.integrity(&identity.key) == Integrity::Good);
        identity.ok_or_else(|| self.unauthorized(request, client))
    }

    /// The refusal of credentials that are expired, foreign or revoked: nobody learns which.
    pub fn unauthorized(&self, request: &Message<'_>, client: SocketAddr) -> Vec<u8> {
        self.counters.refused(Refusal::Unauthorized);
        self.challenge(request, client, code::UNAUTHORIZED, "Unauthorized")
    }

    fn challenge(
        &self,
        request: &Message<'_>,
        client: SocketAddr,
        code: u16,
        reason: &str,
    ) -> Vec<u8> {
        let nonce = self.nonces.make(client, self.now());
        let challenge = answer(request, Class::Error)
            .put_error(code, reason)
            .put(attribute::REALM, self.settings.realm.as_bytes())
            .put(attribute::NONCE, nonce.as_bytes());
        finish(request, challenge, None)
    }

    /// Reads `expiry:pseudonym`, unless it is over.
    fn read_name(&self, name: &str, now: Timestamp) -> Option<Identity> {
        if name.len() > LONGEST_NAME {
            return None;
        }
        let (expiry, pseudonym) = name.split_once(':')?;
        let seconds: u32 = expiry.parse().ok()?;
        let expires = Timestamp::from_millis(i64::from(seconds) * 1000);
        if pseudonym.is_empty() || expires <= now {
            return None;
        }
        let password = shared_secret_password(&self.settings.secret, name);
        Some(Identity {
            pseudonym: pseudonym.into(),
            expires,
            key: long_term_key(name, &self.settings.realm, &password),
        })
    }
}
