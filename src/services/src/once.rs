//! Calls that are made once, however often they are sent: the answer is kept under a key of the caller's.

use std::time::Duration;

use melo_ephemeral::{Begun, EphemeralError, Kind};
use uuid::Uuid;

use crate::fault::faults;
use crate::limits::{self, Limit};
use crate::{Caller, Core, Fault, LimitError};

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a call that has begun is waited for, should its end never be told.
const UNDER_WAY_FOR: Duration = Duration::from_secs(300);
/// Longest answer that is kept, in bytes: far more than any of these calls answers.
pub const MAX_ANSWER: usize = 128 * 1024;

/// Why a call with a key was not made.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// The key was used for something else.
    #[error("this Idempotency-Key was used for another call; make a new one")]
    KeyReused,
    /// The first one is not answered yet.
    #[error("the same call is still being worked on; send it again in a moment")]
    UnderWay,
    /// Too many keys.
    #[error("too many calls with a key; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(OnceError: EphemeralError);

impl From<LimitError> for OnceError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Attempt {
    /// The call itself: it is the first one.
    Make(Once),
    /// Nothing: it was answered like this.
    Repeat(Vec<u8>),
}

/// A call that was begun and has to be ended.
#[derive(Debug)]
#[must_use = "the key is taken until the call is ended"]
pub struct Once {
    id: String,
}

/// Begins a call under a key. `request` is all that makes it this call and no other. Keys are of the device, so that
/// two programs of one person need not agree on them, and a new login does not lose them.
pub async fn begin(
    core: &Core,
    caller: Caller,
    key: Uuid,
    request: &[u8],
) -> Result<Attempt, OnceError> {
    let id = format!("{} {key}", caller.device);
    let begun = core
        .ephemeral
        .begin(Kind::Once, id.as_bytes(), request, UNDER_WAY_FOR);
    let once = match begun.await? {
        Begun::First => Once { id },
        Begun::UnderWay => return Err(OnceError::UnderWay),
        Begun::Other => return Err(OnceError::KeyReused),
        Begun::Done(answer) => return Ok(Attempt::Repeat(answer)),
    };
    // After the look, so that sending again costs nothing.
    if let Err(error) = limits::take(core, Limit::Once, caller.uid).await {
        once.forget(core).await?;
        return Err(error.into());
    }
    Ok(Attempt::Make(once))
}

impl Once {
    /// It was done: from now on it is answered like this.
    pub async fn finish(self, core: &Core, answer: &[u8]) -> Result<(), EphemeralError> {
        let id = self.id.as_bytes();
        core.ephemeral
            .finish(Kind::Once, id, answer, KEPT_FOR)
            .await
    }

    /// It was not done: the key is free again.
    pub async fn forget(self, core: &Core) -> Result<(), EphemeralError> {
        core.ephemeral.forget(Kind::Once, self.id.as_bytes()).await
    }
}
