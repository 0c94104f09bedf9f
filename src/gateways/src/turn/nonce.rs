//! Nonces that are kept nowhere: whoever asks without credentials costs no memory.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use melo_crypto::random;
use melo_domain::Timestamp;
use sha2::Sha256;

/// How long one is good for (RFC 8656, section 5, asks for an hour at most).
const LIFE: Duration = Duration::from_hours(1);
const TAG: usize = 12;

/// Makes and knows them: the time, and an HMAC over it and the client's address.
pub(super) struct Nonces(Hmac<Sha256>);

impl Nonces {
    /// Under a key of this process.
    pub fn new() -> Self {
        Self(Hmac::new(&random::bytes::<64>().into()))
    }

    pub fn make(&self, client: SocketAddr, now: Timestamp) -> String {
        let at = now.seconds().to_be_bytes();
        let tag: [u8; 32] = self.mac(at, client).finalize().into_bytes().into();
        URL_SAFE_NO_PAD.encode([&at[..], &tag[..TAG]].concat())
    }

    /// Whether we made it for this client, and lately.
    pub fn is_good(&self, nonce: &[u8], client: SocketAddr, now: Timestamp) -> bool {
        // A little longer than a nonce: the decoder wants room for what the text might be.
        let mut bytes = [0; 8 + TAG + 4];
        let Ok(length) = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) else {
            return false;
        };
        let Some((at, tag)) = bytes[..length].split_first_chunk::<8>() else {
            return false;
        };
        if tag.len() != TAG {
            return false;
        }
        let made = Timestamp::from_millis(i64::from_be_bytes(*at).saturating_mul(1000));
        self.mac(*at, client).verify_truncated_left(tag).is_ok() && now.since(made) <= LIFE
    }

    fn mac(&self, at: [u8; 8], client: SocketAddr) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&at);
        match client.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&client.port().to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_client_for_an_hour() {
        let nonces = Nonces::new();
        let client: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let now = Timestamp::from_millis(1_795_162_530_000);
        let nonce = nonces.make(client, now);
        let good = |nonce: &str, client: &str, later| {
            nonces.is_good(nonce.as_bytes(), client.parse().unwrap(), now.plus(later))
        };
        let hour = Duration::from_hours(1);
        assert!(good(&nonce, "192.0.2.1:5000", Duration::ZERO));
        assert!(good(&nonce, "192.0.2.1:5000", hour));
        assert!(!good(
            &nonce,
            "192.0.2.1:5000",
            hour + Duration::from_secs(1)
        ));
        assert!(!good(&nonce, "192.0.2.1:5001", Duration::ZERO));
        assert!(!good(&nonce, "192.0.2.2:5000", Duration::ZERO));
        for bad in [
            "",
            "f//499k954d6OL34oL9FSTvy64sA",
            &nonce[1..],
            &format!("{nonce}A"),
        ] {
            assert!(!good(bad, "192.0.2.1:5000", Duration::ZERO), "{bad}");
        }
        assert!(!Nonces::new().is_good(nonce.as_bytes(), client, now));
    }
}
