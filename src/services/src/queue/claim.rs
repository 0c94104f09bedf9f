//! Takes jobs out of the queue for a while.

use std::time::Duration;

use melo_storage::{StorageError, jobs};

use super::{Claim, MAX_ATTEMPTS};
use crate::Core;

/// How long a worker has a job for itself. Longer than any attempt takes; a job whose worker died waits for
/// the rest of it.
pub const LEASE: Duration = Duration::from_secs(20);

/// Takes up to `limit` jobs that are due. Nobody else gets them before the lease is over.
pub async fn claim(core: &Core, limit: u64) -> Result<Vec<Claim>, StorageError> {
    let (store, now) = (&core.store, core.now());
    let lease_ends = now.plus(LEASE);
    let db = store.db.write();
    jobs::claim(db, &store.keys, now, lease_ends, MAX_ATTEMPTS, limit).await
}
