//! Short-lived state: tickets, limits, lockouts, things that may be used once. One facade seals every value and hides every
//! identifying part of a name, whatever keeps them; this process's memory today.

mod agenda;
mod answers;
mod backend;
mod in_process;
mod leases;
mod quota;
mod records;
mod strikes;

use std::sync::Arc;
use std::time::Duration;

use melo_crypto::Keyring;

pub use answers::Begun;
pub use backend::{Backend, BackendError, Claim};
pub use in_process::InProcess;
pub use quota::{Quota, Spent};
pub use records::{Place, Seen};
pub use strikes::{Strike, StrikeRule};

/// The kinds of entry. A kind stands in plain in front of an entry's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ticket for opening one WebSocket.
    WsTicket,
    /// What is limited, by what and whose.
    Limit,
    /// Failed logins, by whose and from where.
    FailedLogins,
    /// Challenges of registrations that were used.
    Challenge,
    /// Members of chats in slow mode who have just written.
    SlowMode,
    /// Signed calls from outside that were received, by what was signed.
    Webhook,
    /// Where somebody is connected, what they say of themselves, and to whom they are writing.
    Presence,
    /// Refused admin calls that were noted, by who made which.
    AdminRefusal,
    /// Calls that are made once, by whose and under which key.
    Once,
    /// Calls, by their ids.
    Call,
    /// The call that a person is in, or that rings for them.
    CallOf,
    /// The call that goes on in a chat.
    CallIn,
    /// Which devices of a call were heard of lately.
    CallDevice,
    /// What a device that comes back into a call has missed.
    CallSignal,
    /// Whose session may relay calls, by its pseudonym.
    Relay,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::WsTicket => "ws_ticket",
            Self::Limit => "limit",
            Self::FailedLogins => "failed_logins",
            Self::Challenge => "challenge",
            Self::SlowMode => "slow_mode",
            Self::Webhook => "webhook",
            Self::Presence => "presence",
            Self::AdminRefusal => "admin_refusal",
            Self::Once => "once",
            Self::Call => "call",
            Self::CallOf => "call_of",
            Self::CallIn => "call_in",
            Self::CallDevice => "call_device",
            Self::CallSignal => "call_signal",
            Self::Relay => "relay",
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

    /// Whether this is the first claim of `id` within `ttl`: of any number at once exactly one is.
    pub async fn claim(
        &self,
        kind: Kind,
        id: &[u8],
        ttl: Duration,
    ) -> Result<bool, EphemeralError> {
        Ok(self.claim_or_wait(kind, id, ttl).await? == Claim::First)
    }

    /// The same, with how long it is taken.
    pub async fn claim_or_wait(
        &self,
        kind: Kind,
        id: &[u8],
        ttl: Duration,
    ) -> Result<Claim, EphemeralError> {
        Ok(self.backend.claim(&self.name(kind, id), ttl).await?)
    }

    /// Begins a call that is to be made once: `id` says whose and which, `request` what it asks, of which only an HMAC
    /// is kept. Of any number of callers at once exactly one is the first.
    pub async fn begin(
        &self,
        kind: Kind,
        id: &[u8],
        request: &[u8],
        ttl: Duration,
    ) -> Result<Begun, EphemeralError> {
        let name = self.name(kind, id);
        let request = self.name(kind, request);
        let begun = self.backend.begin(&name, &request, ttl).await?;
        let Begun::Done(sealed) = begun else {
            return Ok(begun);
        };
        let plain = self
            .keys
            .open_ephemeral(&name, &sealed)
            .map_err(|_| EphemeralError::Seal)?;
        Ok(Begun::Done(plain.to_vec()))
    }

    /// Keeps the answer of a call that has begun.
    pub async fn finish(
        &self,
        kind: Kind,
        id: &[u8],
        answer: &[u8],
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let name = self.name(kind, id);
        let sealed = self
            .keys
            .seal_ephemeral(&name, answer)
            .map_err(|_| EphemeralError::Seal)?;
        Ok(self.backend.finish(&name, sealed, ttl).await?)
    }

    /// Takes one of a quota, if there is one.
    pub async fn spend(
        &self,
        kind: Kind,
        id: &[u8],
        quota: &Quota,
    ) -> Result<Spent, EphemeralError> {
        Ok(self.backend.spend(&self.name(kind, id), quota).await?)
    }

    /// Notes a failure, unless the door is closed.
    pub async fn strike(
        &self,
        kind: Kind,
        id: &[u8],
        rule: &StrikeRule,
    ) -> Result<Strike, EphemeralError> {
        Ok(self.backend.strike(&self.name(kind, id), rule).await?)
    }

    /// Takes the last failure back.
    pub async fn excuse(&self, kind: Kind, id: &[u8]) -> Result<(), EphemeralError> {
        Ok(self.backend.excuse(&self.name(kind, id)).await?)
    }

    /// How long the door stays closed; zero when it is open.
    pub async fn barred(&self, kind: Kind, id: &[u8]) -> Result<Duration, EphemeralError> {
        Ok(self.backend.barred(&self.name(kind, id)).await?)
    }

    /// Forgets whatever is kept under `id`.
    pub async fn forget(&self, kind: Kind, id: &[u8]) -> Result<(), EphemeralError> {
        self.backend.take(&self.name(kind, id)).await?;
        Ok(())
    }
}
