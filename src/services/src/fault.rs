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

impl Fault {
    /// Whether another writer was in the way: the same once more may succeed.
    fn is_contention(&self) -> bool {
        matches!(self, Self::Storage(e) if e.is_unique_violation() || e.is_rolled_back())
    }
}

/// An error that may mean no more than that another writer was faster.
pub(crate) trait Contended {
    /// Its fault, if it is one.
    fn fault(&self) -> Option<&Fault>;
}

/// How often a transaction is tried; each time another writer was faster.
const TRIES: u32 = 10;
/// Before each of these but the first two, times its number.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// Does it, and does it anew when the log writer, or another transaction, has taken a number or a row that it wanted:
/// on a database server two may begin at once. `attempt` opens and commits a transaction of its own each time.
pub(crate) async fn in_turn<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: Contended,
    F: Future<Output = Result<T, E>>,
{
    for round in 0..TRIES {
        match attempt().await {
            Err(error) if error.fault().is_some_and(Fault::is_contention) => {
                tokio::time::sleep(PAUSE * round).await;
            }
            done => return done,
        }
    }
    attempt().await
}

/// Lets `?` turn the failures of the layers below into an area's error.
macro_rules! faults {
    ($error:ident: $($cause:ty),+ $(,)?) => {
        $(
            impl From<$cause> for $error {
                fn from(cause: $cause) -> Self {
                    Self::Fault(cause.into())
                }
            }
        )+
        impl crate::fault::Contended for $error {
            fn fault(&self) -> Option<&crate::Fault> {
                match self {
                    Self::Fault(fault) => Some(fault),
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use faults;
