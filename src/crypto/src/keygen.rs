//! Making the keys that a server needs on its first start. RSA keys take 0.1 s (2048 bits) to a second
//! (4096 bits) or more: not on the event loop.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use melo_domain::Secret;
use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use crate::e2e;
use crate::random::{self, SystemRng};

/// A key could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeygenError {
    /// Too short to be safe, or too long to be used.
    #[error("an RSA key has 2048 to 8192 bits, not {0}")]
    WrongSize(usize),
    /// Neither PKCS#8 nor PKCS#1 PEM of an RSA private key.
    #[error("not an RSA private key in PEM form (PKCS#8 or PKCS#1)")]
    NotAnRsaKey,
    /// The library gave up.
    #[error("the key could not be made")]
    Failed,
}

/// A new RSA private key as PKCS#8 PEM (RFC 5958), public exponent 65537.
pub fn rsa_private_pem(bits: usize) -> Result<Secret, KeygenError> {
    if !e2e::RSA_BITS.contains(&bits) {
        return Err(KeygenError::WrongSize(bits));
    }
    let key = RsaPrivateKey::new(&mut SystemRng, bits).map_err(|_| KeygenError::Failed)?;
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeygenError::Failed)?;
    Ok(Secret::new(pem.as_str().to_owned()))
}

/// The public half as PEM `SubjectPublicKeyInfo`.
pub fn rsa_public_pem(private: &Secret) -> Result<String, KeygenError> {
    let private = parse_private(private).ok_or(KeygenError::NotAnRsaKey)?;
    public_pem(&private.to_public_key())
}

/// A new key pair for voluntary application server identification (VAPID, RFC 8292), P-256: the private
/// scalar, 32 bytes, and the public point, uncompressed, 65 bytes; both base64url without padding.
pub fn vapid() -> (Secret, String) {
    let private = loop {
        let scalar = Zeroizing::new(random::bytes::<32>());
        // Not below the group's order, once in 2^32 draws: draw again.
        if let Ok(key) = p256::SecretKey::from_slice(scalar.as_slice()) {
            break key;
        }
    };
    let point = private.public_key().to_sec1_point(false);
    let scalar = Zeroizing::new(<[u8; 32]>::from(private.to_bytes()));
    (
        Secret::new(URL_SAFE_NO_PAD.encode(*scalar)),
        URL_SAFE_NO_PAD.encode(point.as_bytes()),
    )
}

/// A new application secret: 32 random bytes, base64url without padding.
pub fn app_secret() -> Secret {
    let bytes = Zeroizing::new(random::bytes::<32>());
    Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
}

pub(crate) fn parse_private(pem: &Secret) -> Option<RsaPrivateKey> {
    let pem = pem.expose().trim();
    RsaPrivateKey::from_pkcs8_pem(pem)
        .ok()
        .or_else(|| RsaPrivateKey::from_pkcs1_pem(pem).ok())
}

pub(crate) fn public_pem(key: &RsaPublicKey) -> Result<String, KeygenError> {
    key.to_public_key_pem(LineEnding::LF)
        .map_err(|_| KeygenError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2e::PublicKeyPem;

    #[test]
    fn an_rsa_key_has_the_size_asked_for_and_a_public_half() {
        let private = rsa_private_pem(2048).unwrap();
        assert!(
            private
                .expose()
                .starts_with("-----BEGIN PRIVATE KEY-----\n")
        );
        let public = rsa_public_pem(&private).unwrap();
        assert!(PublicKeyPem::parse(&public).is_ok());
        assert_ne!(rsa_private_pem(2048).unwrap().expose(), private.expose());
    }

    #[test]
    fn unsafe_sizes_and_other_texts_are_refused() {
        for bits in [0, 1024, 2047, 8193, usize::MAX] {
            assert_eq!(
                rsa_private_pem(bits).err(),
                Some(KeygenError::WrongSize(bits))
            );
        }
        let nonsense = Secret::new("nonsense".into());
        assert_eq!(rsa_public_pem(&nonsense), Err(KeygenError::NotAnRsaKey));
    }

    #[test]
    fn a_vapid_pair_belongs_together() {
        let (private, public) = vapid();
        let scalar = URL_SAFE_NO_PAD.decode(private.expose()).unwrap();
        let point = URL_SAFE_NO_PAD.decode(public).unwrap();
        assert_eq!((scalar.len(), point.len(), point[0]), (32, 65, 4));
        let key = p256::SecretKey::from_slice(&scalar).unwrap();
        assert_eq!(
            p256::PublicKey::from_sec1_bytes(&point),
            Ok(key.public_key())
        );
    }

    #[test]
    fn an_app_secret_is_32_bytes() {
        let secret = app_secret();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret.expose()).unwrap().len(), 32);
        assert_ne!(secret.expose(), app_secret().expose());
    }
}
