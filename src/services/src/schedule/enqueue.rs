//! Turns what is due into jobs.

use std::time::Duration;

use melo_domain::Timestamp;
use melo_protocol::ErrorCode;
use melo_storage::{StorageError, scheduled};

use super::deliver::refuse;
use crate::Core;

/// Messages enqueued in one transaction.
const BATCH: u64 = 100;
/// A message that is due for so long, and still there, has a job that came to nothing.
const STUCK_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Puts a job into the queue for each message that is due; says for how many.
pub async fn enqueue_due(core: &Core) -> Result<u64, StorageError> {
    let mut enqueued = 0;
    loop {
        let tx = core.store.db.begin().await?;
        let batch = scheduled::enqueue_due(&tx, &core.store.keys, core.now(), BATCH).await?;
        tx.commit().await?;
        if batch > 0 {
            core.wake_worker();
        }
        enqueued += batch;
        if batch < BATCH {
            return Ok(enqueued);
        }
    }
}

/// Tells the authors of messages whose job was given up: it brought its workers down.
pub async fn give_up_stuck(core: &Core) -> Result<(), StorageError> {
    let age = i64::try_from(STUCK_AFTER.as_millis()).unwrap_or(0);
    let before = Timestamp::from_millis(core.now().millis() - age);
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    for stuck in scheduled::stuck(db, keys, before, BATCH).await? {
        refuse(core, &stuck, ErrorCode::Internal, None).await?;
    }
    Ok(())
}
