//! The key pair that names this server to push services (VAPID, RFC 8292).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::Secret;
use p256::elliptic_curve::sec1::ToSec1Point;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A checked pair and the contact that goes with it.
#[derive(Debug, Clone)]
pub struct Vapid {
    /// 32 bytes, URL-safe base64 without padding.
    pub private: Secret,
    /// The uncompressed point, 65 bytes, URL-safe base64 without padding: what browsers are given.
    pub public: String,
    /// `mailto:` or `https:`.
    pub subject: String,
}

/// The content of `vapid.json`.
#[derive(Serialize, Deserialize)]
pub struct VapidFile {
    /// As [`Vapid::private`].
    pub private_key: Secret,
    /// As [`Vapid::public`].
    pub public_key: String,
}

/// Whether the public half belongs to the private one.
pub fn belong_together(private: &Secret, public: &str) -> bool {
    let Ok(scalar) = URL_SAFE_NO_PAD.decode(private.expose()).map(Zeroizing::new) else {
        return false;
    };
    let Ok(key) = p256::SecretKey::from_slice(&scalar) else {
        return false;
    };
    let point = key.public_key().to_sec1_point(false);
    URL_SAFE_NO_PAD.encode(point.as_bytes()) == public
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_crypto::keygen;

    #[test]
    fn only_the_own_public_half_fits() {
        let (private, public) = keygen::vapid();
        let (_, foreign) = keygen::vapid();
        assert!(belong_together(&private, &public));
        assert!(!belong_together(&private, &foreign));
        assert!(!belong_together(&Secret::new("AAAA".to_owned()), &public));
    }
}
