//! Cryptography at rest and at the door: the keyring and sealed columns, blind indexes, passwords,
//! bearer and access tokens, CSRF tokens, the checks of published end-to-end keys, and key generation.
//!
//! No algorithm is written here: AES-256-GCM, HKDF, HMAC, Argon2id, RSA, ECDSA and Ed25519 come from
//! the `RustCrypto` and aws-lc crates. What is decided here is the format, the key hierarchy and what is
//! bound to what. `docs/CRYPTO.md` explains it, `docs/vectors/at-rest.json` pins it down.

mod audit;
mod blind_index;
mod column;
mod csrf;
mod data_key;
pub mod e2e;
mod echo;
mod ephemeral;
mod jwt;
pub mod keygen;
mod keyring;
mod mac;
mod message_mac;
mod password;
mod pow;
mod pseudonym;
pub mod random;
mod root_key;
mod sealing;
mod token;
mod totp;
#[cfg(test)]
mod vectors;

pub use audit::{AUDIT_START, AuditChain};
pub use blind_index::{BlindIndex, InvalidBlindIndex};
pub use column::Column;
pub use csrf::CsrfTokens;
pub use data_key::{KeyState, KeyUsage, Purpose, UnknownKeyCode, WrappedKey};
pub use echo::EchoSecrets;
pub use jwt::{AccessClaims, Jwk, JwtError, JwtKeyError, JwtKeys};
pub use keyring::{Keyring, KeyringError};
pub use message_mac::{MessageMac, ShortMacKey, same_secret};
pub use password::{PasswordCost, PasswordError, PasswordHasher, Verdict};
pub use pow::{MAX_NONCE, WorkChallenges};
pub use pseudonym::RelayPseudonyms;
pub use root_key::{RootKey, RootKeyError};
pub use sealing::{OpenError, SEAL_OVERHEAD, SealError};
pub use token::{BearerToken, InvalidTokenHash, TokenHash};
pub use totp::{RecoveryCode, SecondFactor, TotpError};
