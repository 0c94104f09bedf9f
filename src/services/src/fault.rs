//! What is nobody's fault but the server's.

use melo_crypto::{JwtError, PasswordError};
use melo_ephemeral::EphemeralError;
use melo_storage::StorageError;

/// An internal failure. Logged once where it becomes an answer; its text never reaches a client.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Durable rows.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Short-lived state.
    #[error(transparent)]
    Ephemeral(#[from] EphemeralError),
    /// Hashing.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Signing.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// A background task ended before it answered.
    #[error("a background task ended early")]
    Task,
}

/// Lets `?` turn the failures of the layers below into an area's error.
macro_rules! faults {
    ($error:ident: $($cause:ty),+ $(,)?) => {$(
        impl From<$cause> for $error {
            fn from(cause: $cause) -> Self {
                Self::Fault(cause.into())
            }
        }
    )+};
}
pub(crate) use faults;
