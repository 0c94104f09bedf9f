//! End-to-end encryption, suite 1: `RSA-OAEP-256 + A256GCM + Ed25519` (docs/CRYPTO.md). Everything here is
//! pure: keys and bytes in, keys and bytes out.

pub mod backup;
pub mod call;
pub mod chat_key;
pub mod chat_message;
pub mod content;
pub mod directory;
pub mod emoji;
pub mod encoding;
pub mod envelope;
pub mod identity;
pub mod legacy;
pub mod padding;
pub mod passphrase;
pub mod random;
pub mod rsa_keys;
pub mod safety_number;
mod sealing;
pub mod short_code;
pub mod work;

#[cfg(test)]
mod chat_vectors;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod vectors;

/// The operating system gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random numbers")]
pub struct RandomError;
