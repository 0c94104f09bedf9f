//! Short-lived state: tickets, counters of attempts. One facade seals every value and hides every
//! identifying part of a name, whatever keeps them; this process's memory today.

mod backend;
mod in_process;

use std::sync::Arc;
use std::time::Duration;

use melo_crypto::Keyring;

pub use backend::{Attempts, Backend, BackendError};
pub use in_process::InProcess;

/// The kinds of entry. A kind stands in plain in front of an entry's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ticket for opening one WebSocket.
    WsTicket,
    /// Calls of open endpoints, by address.
    OpenCalls,
    /// Failed logins, by identifier and address.
    FailedLogins,
    /// Everything else that is limited, by what and whose.
    Limit,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::WsTicket => "ws_ticket",
            Self::OpenCalls => "open_calls",
            Self::FailedLogins => "failed_logins",
            Self::Limit => "limit",
        }
    }
}

/// What can go wrong with short-lived state.
#[derive(Debug, thiserror::Error)]
pub enum EphemeralError {
    /// The store refused or could not be reached.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A value could not be sealed or does not open.
    #[error("sealing short-lived state")]
    Seal,
}

/// Sealed short-lived state.
#[derive(Clone)]
pub struct Ephemeral {
    backend: Arc<dyn Backend>,
    keys: Arc<Keyring>,
}

impl Ephemeral {
    /// Seals what goes into `backend`.
    pub fn new(backend: Arc<dyn Backend>, keys: Arc<Keyring>) -> Self {
        Self { backend, keys }
    }

    fn name(&self, kind: Kind, id: &[u8]) -> String {
        self.keys.ephemeral_name(kind.as_str(), id)
    }

    /// Keeps `value` under `id` for `ttl`.
    pub async fn put(
        &self,
        kind: Kind,
        id: &[u8],
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let name = self.name(kind, id);
        let sealed = self
            .keys
            .seal_ephemeral(&name, value)
            .map_err(|_| EphemeralError::Seal)?;
        Ok(self.backend.put(&name, sealed, ttl).await?)
    }

    /// Takes the value away: of any number of callers at once exactly one gets it.
    pub async fn take(&self, kind: Kind, id: &[u8]) -> Result<Option<Vec<u8>>, EphemeralError> {
        let name = self.name(kind, id);
        let Some(sealed) = self.backend.take(&name).await? else {
            return Ok(None);
        };
        let plain = self
            .keys
            .open_ephemeral(&name, &sealed)
            .map_err(|_| EphemeralError::Seal)?;
        Ok(Some(plain.to_vec()))
    }

    /// Counts one more attempt in a window that begins with the first, and says how many there were.
    pub async fn count(
        &self,
        kind: Kind,
        id: &[u8],
        window: Duration,
    ) -> Result<Attempts, EphemeralError> {
        Ok(self.backend.count(&self.name(kind, id), window).await?)
    }

    /// How many attempts there were, without counting one.
    pub async fn attempts(&self, kind: Kind, id: &[u8]) -> Result<Attempts, EphemeralError> {
        Ok(self.backend.attempts(&self.name(kind, id)).await?)
    }

    /// Stretches the window of a counter, so that a block lasts at least `ttl` from now.
    pub async fn extend(&self, kind: Kind, id: &[u8], ttl: Duration) -> Result<(), EphemeralError> {
        Ok(self.backend.extend(&self.name(kind, id), ttl).await?)
    }

    /// Forgets a counter or a value.
    pub async fn forget(&self, kind: Kind, id: &[u8]) -> Result<(), EphemeralError> {
        self.backend.take(&self.name(kind, id)).await?;
        Ok(())
    }
}
