//! The durable queue: a job is a row of the transaction that causes it.

use melo_crypto::{Keyring, random};
use melo_domain::{JobKind, JobState, Timestamp};
use sea_orm::{ActiveModelTrait, ConnectionTrait, Set};

use crate::StorageError;
use crate::entity::jobs::ActiveModel;
use crate::sealed::RowSeal;

const TABLE: &str = "jobs";

/// Puts a job into the queue, due at `due`. Returns its id, which names it towards the outside world, so that
/// a second attempt can be told from a second job.
pub async fn enqueue(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    kind: JobKind,
    payload: &[u8],
    due: Timestamp,
) -> Result<i64, StorageError> {
    let id = i64::try_from(random::u64() >> 1).unwrap_or(1);
    let row = ActiveModel {
        id: Set(id),
        kind: Set(kind.code()),
        state: Set(JobState::Waiting.code()),
        attempts: Set(0),
        due: Set(due.millis()),
        payload: Set(RowSeal::new(keys, TABLE, id).bytes("payload", payload)?),
    };
    row.insert(conn).await?;
    Ok(id)
}
