//! A device's RSA key: wraps message keys with RSA-OAEP (RFC 8017, section 7.1; SHA-256, MGF1 with
//! SHA-256, empty label).

use std::fmt;

use rsa::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding,
};
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{RandomError, random};

/// The size of a new device's modulus, in bits.
pub const NEW_KEY_BITS: usize = 3072;

/// The smallest modulus that is accepted from others, in bits.
pub const MIN_KEY_BITS: usize = 2048;

/// The largest modulus that is accepted from others, in bits.
pub const MAX_KEY_BITS: usize = 4096;

/// The longest encoded key that is looked at, in bytes: a 4096-bit PEM file with room to spare.
const MAX_ENCODED: usize = 8 * 1024;

/// An RSA key or a wrapped key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RsaKeyError {
    /// Not a `SubjectPublicKeyInfo` or PKCS#8 encoding of an RSA key.
    #[error("not an RSA key in the expected encoding")]
    Encoding,
    /// Outside of [`MIN_KEY_BITS`] to [`MAX_KEY_BITS`].
    #[error("the RSA key must have 2048 to 4096 bits")]
    Size,
    /// The wrapped key was not made for this key, or was changed.
    #[error("the wrapped key does not open with this device's key")]
    Unwrap,
    /// The operation itself failed.
    #[error("the RSA operation failed")]
    Operation,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The public half: what others wrap message keys with.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    key: RsaPublicKey,
    der: Vec<u8>,
    kid: String,
}

impl EncryptionKey {
    fn new(key: RsaPublicKey) -> Result<Self, RsaKeyError> {
        if !(MIN_KEY_BITS..=MAX_KEY_BITS).contains(&(key.size() * 8)) {
            return Err(RsaKeyError::Size);
        }
        let der = key
            .to_public_key_der()
            .map_err(|_| RsaKeyError::Encoding)?
            .into_vec();
        let kid = kid_of(&der);
        Ok(Self { key, der, kid })
    }

    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7) in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        if der.len() > MAX_ENCODED {
            return Err(RsaKeyError::Encoding);
        }
        let read =
            Self::new(RsaPublicKey::from_public_key_der(der).map_err(|_| RsaKeyError::Encoding)?)?;
        // The key id is over these bytes: there must be one way only to write a key.
        if read.der == der {
            Ok(read)
        } else {
            Err(RsaKeyError::Encoding)
        }
    }

    /// Reads a `SubjectPublicKeyInfo` in PEM (RFC 7468).
    pub fn from_pem(pem: &str) -> Result<Self, RsaKeyError> {
        if pem.len() > MAX_ENCODED {
            return Err(RsaKeyError::Encoding);
        }
        Self::new(RsaPublicKey::from_public_key_pem(pem.trim()).map_err(|_| RsaKeyError::Encoding)?)
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The `SubjectPublicKeyInfo` in PEM.
    pub fn to_pem(&self) -> Result<String, RsaKeyError> {
        self.key
            .to_public_key_pem(LineEnding::LF)
            .map_err(|_| RsaKeyError::Encoding)
    }

    /// The key id: hex of the first 16 bytes of SHA-256 of the DER.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Wraps a message key.
    pub fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>, RsaKeyError> {
        let mut rng = random::generator()?;
        self.key
            .encrypt(&mut rng, Oaep::<Sha256>::new(), key)
            .map_err(|_| RsaKeyError::Operation)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.kid)
    }
}

/// The key id of a `SubjectPublicKeyInfo` in DER.
pub fn kid_of(spki_der: &[u8]) -> String {
    Sha256::digest(spki_der)
        .first_chunk::<16>()
        .map(hex::encode)
        .unwrap_or_default()
}

/// The private half. Wiped from memory when dropped.
#[derive(Clone)]
pub struct DecryptionKey {
    key: RsaPrivateKey,
    public: EncryptionKey,
}

impl DecryptionKey {
    /// Makes a new key of [`NEW_KEY_BITS`]. Takes about half a second of one processor: see
    /// [`Self::generate_off_thread`] for async callers.
    pub fn generate() -> Result<Self, RsaKeyError> {
        let mut rng = random::generator()?;
        Self::new(RsaPrivateKey::new(&mut rng, NEW_KEY_BITS).map_err(|_| RsaKeyError::Operation)?)
    }

    /// Makes a new key on a thread of the blocking pool.
    pub async fn generate_off_thread() -> Result<Self, RsaKeyError> {
        tokio::task::spawn_blocking(Self::generate)
            .await
            .map_err(|_| RsaKeyError::Operation)?
    }

    fn new(key: RsaPrivateKey) -> Result<Self, RsaKeyError> {
        let public = EncryptionKey::new(key.to_public_key())?;
        Ok(Self { key, public })
    }

    /// Reads a PKCS#8 encoding (RFC 5208).
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, RsaKeyError> {
        if der.len() > MAX_ENCODED {
            return Err(RsaKeyError::Encoding);
        }
        Self::new(RsaPrivateKey::from_pkcs8_der(der).map_err(|_| RsaKeyError::Encoding)?)
    }

    /// The PKCS#8 encoding.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, RsaKeyError> {
        Ok(self
            .key
            .to_pkcs8_der()
            .map_err(|_| RsaKeyError::Encoding)?
            .to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> &EncryptionKey {
        &self.public
    }

    /// Opens a wrapped message key, with blinding.
    pub fn unwrap_key(&self, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, RsaKeyError> {
        if wrapped.len() != self.public.key.size() {
            return Err(RsaKeyError::Unwrap);
        }
        let mut rng = random::generator()?;
        let opened = self
            .key
            .decrypt_blinded(&mut rng, Oaep::<Sha256>::new(), wrapped)
            .map(Zeroizing::new)
            .map_err(|_| RsaKeyError::Unwrap)?;
        opened
            .as_slice()
            .try_into()
            .map(Zeroizing::new)
            .map_err(|_| RsaKeyError::Unwrap)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({}, [REDACTED])", self.public.kid)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{rsa_a, rsa_b};
    use super::*;

    #[test]
    fn a_wrapped_key_opens_with_its_own_key_alone() {
        let wrapped = rsa_a().public().wrap(&[9; 32]).unwrap();
        assert_eq!(*rsa_a().unwrap_key(&wrapped).unwrap(), [9; 32]);
        assert_eq!(
            rsa_b().unwrap_key(&wrapped).unwrap_err(),
            RsaKeyError::Unwrap
        );
        assert_eq!(
            rsa_a().unwrap_key(&wrapped[1..]).unwrap_err(),
            RsaKeyError::Unwrap
        );
        let mut changed = wrapped;
        changed[40] ^= 1;
        assert_eq!(
            rsa_a().unwrap_key(&changed).unwrap_err(),
            RsaKeyError::Unwrap
        );
    }

    #[test]
    fn encodings_round_trip() {
        let key = rsa_a();
        let again = DecryptionKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(
            &EncryptionKey::from_der(key.public().der()).unwrap(),
            key.public()
        );
        assert_eq!(
            &EncryptionKey::from_pem(&key.public().to_pem().unwrap()).unwrap(),
            key.public()
        );
        assert_eq!(key.public().kid().len(), 32);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mut trailing = rsa_a().public().der().to_vec();
        trailing.push(0);
        for bad in [&[][..], &[0x30, 0x82], &trailing, &vec![0; 100_000]] {
            assert!(EncryptionKey::from_der(bad).is_err());
            assert!(DecryptionKey::from_pkcs8_der(bad).is_err());
        }
        assert!(
            EncryptionKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
                .is_err()
        );
    }

    #[test]
    fn debug_shows_no_private_part() {
        assert!(format!("{:?}", rsa_a()).contains("[REDACTED]"));
    }
}
