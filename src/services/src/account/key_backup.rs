//! The client's own encrypted key backup: opaque to us.

use melo_domain::Timestamp;
use melo_storage::accounts;

use super::AccountError;
use crate::{Caller, Core};

/// The shortest backup, in characters (contract).
pub const MIN_BACKUP_CHARS: usize = 16;
/// The longest backup, in bytes.
pub const MAX_BACKUP_BYTES: usize = 64 * 1024;

/// Stores the backup in place of an earlier one.
pub async fn store_key_backup(
    core: &Core,
    caller: Caller,
    ciphertext: &str,
) -> Result<(), AccountError> {
    let (db, keys) = (&core.store.db, &core.store.keys);
    accounts::set_key_backup(db.write(), keys, caller.uid, ciphertext, core.clock.now()).await?;
    Ok(())
}

/// The stored backup and when it was stored.
pub async fn load_key_backup(
    core: &Core,
    caller: Caller,
) -> Result<(String, Timestamp), AccountError> {
    let backup = accounts::key_backup(core.store.db.read(), &core.store.keys, caller.uid).await?;
    backup.ok_or(AccountError::NoBackup)
}
