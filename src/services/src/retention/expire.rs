//! Messages whose time is over lose their content.

use melo_storage::{StorageError, expiries};

use super::forget_log;
use crate::Core;

/// Messages in one transaction.
const BATCH: u64 = 200;

/// Takes the content of one batch of such messages away; says whether there may be more.
pub async fn sweep_expired(core: &Core) -> Result<bool, StorageError> {
    let tx = core.store.db.begin().await?;
    let swept = expiries::sweep(&tx, &core.store.keys, core.now(), BATCH).await?;
    tx.commit().await?;
    for log in &swept.logs {
        forget_log(core, *log);
    }
    Ok(swept.count >= BATCH)
}
