//! Access tokens: JWT (RFC 7519) signed with RS256 (RFC 7518, section 3.3).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use melo_domain::{DeviceHandle, Secret, SessionId, Timestamp, Uid};
use rsa::RsaPublicKey;
use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::e2e;
use crate::keygen;
use crate::random;

/// The longest token that is looked at, in characters (contract).
const LONGEST: usize = 4096;

/// Why a token is not accepted, or could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Longer than 4,096 characters.
    #[error("the access token is longer than 4096 characters")]
    TooLong,
    /// Not a JWT, or without the claims that ours have.
    #[error("the access token is malformed")]
    Malformed,
    /// Signed, or said to be, with anything but RS256.
    #[error("the access token is not signed with RS256")]
    WrongAlgorithm,
    /// Names another key than ours, or none.
    #[error("the access token names an unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the access token's signature is wrong")]
    BadSignature,
    /// Its time is over.
    #[error("the access token has expired")]
    Expired,
    /// Made for somebody else.
    #[error("the access token is for another audience")]
    WrongAudience,
    /// Made by somebody else under our key.
    #[error("the access token is from another issuer")]
    WrongIssuer,
    /// The key would not sign.
    #[error("the access token could not be signed")]
    Signing,
}

/// A key that cannot sign access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    /// Neither PKCS#8 nor PKCS#1 PEM of an RSA private key.
    #[error("must be an RSA private key in PEM form (PKCS#8 or PKCS#1)")]
    NotAnRsaKey,
    /// Too short to be safe, or too long to be used.
    #[error("must be an RSA key of 2048 to 8192 bits, but has {0}")]
    WrongSize(usize),
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who signed in.
    pub sub: Uid,
    /// The token's own id, for revoking it.
    pub jti: String,
    /// Good before this moment, in seconds since 1970.
    pub exp: i64,
    /// Issued at this moment, in seconds since 1970.
    pub iat: i64,
    /// Our issuer; written by [`JwtKeys::issue`].
    pub iss: String,
    /// Our audience; written by [`JwtKeys::issue`].
    pub aud: String,
    /// The session.
    pub sid: SessionId,
    /// The device.
    pub did: DeviceHandle,
    /// What the bearer may do, words separated by spaces.
    pub scope: String,
}

impl AccessClaims {
    /// Claims with a fresh `jti`, good from `now` for `lifetime`.
    pub fn new(
        sub: Uid,
        sid: SessionId,
        did: DeviceHandle,
        scope: &str,
        now: Timestamp,
        lifetime: Duration,
    ) -> Self {
        Self {
            sub,
            jti: random::uuid().to_string(),
            exp: now.plus(lifetime).seconds(),
            iat: now.seconds(),
            iss: String::new(),
            aud: String::new(),
            sid,
            did,
            scope: scope.to_owned(),
        }
    }
}

/// The key pair that signs and verifies access tokens.
pub struct JwtKeys {
    signing: EncodingKey,
    verifying: Verifier,
    /// Keys that signed before this one, while tokens of theirs may be about.
    retired: Vec<Verifier>,
    header: Header,
    validation: Validation,
    issuer: String,
    audience: String,
    public_pem: String,
}

/// A public key that tokens are checked with.
struct Verifier {
    kid: String,
    key: DecodingKey,
    /// Modulus and exponent, big endian, base64url (RFC 7518, section 6.3.1).
    modulus: String,
    exponent: String,
}

impl Verifier {
    fn of(public: &RsaPublicKey) -> Result<Self, JwtKeyError> {
        let bits = e2e::modulus_bits(public);
        if !e2e::RSA_BITS.contains(&bits) {
            return Err(JwtKeyError::WrongSize(bits));
        }
        let unusable = JwtKeyError::NotAnRsaKey;
        let der = public.to_pkcs1_der().map_err(|_| unusable)?;
        let spki = public.to_public_key_der().map_err(|_| unusable)?;
        Ok(Self {
            kid: e2e::kid(spki.as_bytes()),
            key: DecodingKey::from_rsa_der(der.as_bytes()),
            modulus: URL_SAFE_NO_PAD.encode(public.n_bytes()),
            exponent: URL_SAFE_NO_PAD.encode(public.e_bytes()),
        })
    }

    fn jwk(&self) -> Jwk {
        Jwk {
            kty: "RSA",
            alg: "RS256",
            usage: "sig",
            kid: self.kid.clone(),
            n: self.modulus.clone(),
            e: self.exponent.clone(),
        }
    }
}

/// A public key as RFC 7517 writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// `RSA`.
    pub kty: &'static str,
    /// `RS256`.
    pub alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// The name in token headers.
    pub kid: String,
    /// Modulus.
    pub n: String,
    /// Exponent.
    pub e: String,
}

impl JwtKeys {
    /// Reads the private key, PEM in PKCS#8 or PKCS#1 form, 2048 to 8192 bits.
    pub fn from_pem(
        private_pem: &Secret,
        issuer: &str,
        audience: &str,
    ) -> Result<Self, JwtKeyError> {
        let private = keygen::parse_private(private_pem).ok_or(JwtKeyError::NotAnRsaKey)?;
        let public = private.to_public_key();
        let verifying = Verifier::of(&public)?;
        let unusable = JwtKeyError::NotAnRsaKey;
        let private_der = private.to_pkcs1_der().map_err(|_| unusable)?;
        let public_pem = keygen::public_pem(&public).map_err(|_| unusable)?;

        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        // The library would ask the machine's clock; `verify` compares with the time it is given.
        validation.validate_exp = false;

        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(verifying.kid.clone());
        Ok(Self {
            signing: EncodingKey::from_rsa_der(private_der.as_bytes()),
            verifying,
            retired: Vec::new(),
            header,
            validation,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            public_pem,
        })
    }

    /// Goes on accepting tokens of a key that has been replaced; `public_pem` is its public half.
    #[must_use = "these are the keys with the retired one"]
    pub fn with_retired(mut self, public_pem: &str) -> Result<Self, JwtKeyError> {
        let public =
            RsaPublicKey::from_public_key_pem(public_pem).map_err(|_| JwtKeyError::NotAnRsaKey)?;
        let verifier = Verifier::of(&public)?;
        let known = std::iter::once(&self.verifying).chain(&self.retired);
        if known.into_iter().all(|known| known.kid != verifier.kid) {
            self.retired.push(verifier);
        }
        Ok(self)
    }

    /// All public keys that tokens are checked with, the current one first (RFC 7517).
    pub fn jwks(&self) -> Vec<Jwk> {
        let all = std::iter::once(&self.verifying).chain(&self.retired);
        all.map(Verifier::jwk).collect()
    }

    /// Signs a token with these claims; issuer and audience are ours whatever the claims hold. Takes
    /// about half a millisecond with a 2048-bit key.
    pub fn issue(&self, claims: &AccessClaims) -> Result<Secret, JwtError> {
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            ..claims.clone()
        };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.signing);
        token.map(Secret::new).map_err(|_| JwtError::Signing)
    }

    /// Checks a token and reads its claims. Whether it was revoked is for the caller to look up.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, JwtError> {
        if token.len() > LONGEST {
            return Err(JwtError::TooLong);
        }
        let verifier = self.verifier_of(token)?;
        let read = jsonwebtoken::decode(token, &verifier.key, &self.validation);
        let claims: AccessClaims = read.map_err(|error| refusal(error.kind()))?.claims;
        // RFC 7519, section 4.1.4: not on or after `exp`.
        if now.seconds() >= claims.exp {
            return Err(JwtError::Expired);
        }
        Ok(claims)
    }

    /// The key that the token names. Refuses by name what the signature check would refuse as well.
    fn verifier_of(&self, token: &str) -> Result<&Verifier, JwtError> {
        let (header, _) = token.split_once('.').ok_or(JwtError::Malformed)?;
        let json = URL_SAFE_NO_PAD
            .decode(header)
            .map_err(|_| JwtError::Malformed)?;
        let header: JoseHeader = serde_json::from_slice(&json).map_err(|_| JwtError::Malformed)?;
        if header.alg != "RS256" {
            return Err(JwtError::WrongAlgorithm);
        }
        let mut known = std::iter::once(&self.verifying).chain(&self.retired);
        let verifier = known
            .find(|known| header.kid.as_deref() == Some(&known.kid))
            .ok_or(JwtError::UnknownKey)?;
        // RFC 7515, section 4.1.11: extensions that must be understood, and we understand none.
        if header.crit.is_some() {
            return Err(JwtError::Malformed);
        }
        Ok(verifier)
    }

    /// The public key as PEM, for GET /`public_key`.
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// The key's name in token headers: hex of the first 16 bytes of SHA-256 of its
    /// `SubjectPublicKeyInfo`.
    pub fn kid(&self) -> &str {
        &self.verifying.kid
    }
}

impl fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtKeys({})", self.kid())
    }
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

fn refusal(kind: &ErrorKind) -> JwtError {
    match kind {
        ErrorKind::InvalidSignature => JwtError::BadSignature,
        ErrorKind::InvalidAudience => JwtError::WrongAudience,
        ErrorKind::InvalidIssuer => JwtError::WrongIssuer,
        ErrorKind::InvalidAlgorithm => JwtError::WrongAlgorithm,
        _ => JwtError::Malformed,
    }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
