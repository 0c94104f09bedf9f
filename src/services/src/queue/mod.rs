//! The durable queue, for the worker that empties it.

mod claim;
mod settle;

pub use claim::{LEASE, claim};
pub use melo_storage::jobs::{Claim, Counts};
pub use settle::{Outcome, settle};

use melo_storage::{StorageError, jobs};

use crate::Core;

/// Attempts before a job is given up: with the pauses between them, about three quarters of an hour.
pub const MAX_ATTEMPTS: u32 = 12;

/// How much there is to do.
pub async fn counts(core: &Core) -> Result<Counts, StorageError> {
    jobs::counts(core.store.db.read()).await
}
