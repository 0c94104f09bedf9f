//! The client's own encrypted key backup: opaque to us.

use melo_domain::Timestamp;
use melo_storage::{StorageError, accounts};

use super::AccountError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// The shortest backup, in characters (contract).
pub const MIN_BACKUP_CHARS: usize = 16;
/// The longest backup, in bytes.
pub const MAX_BACKUP_BYTES: usize = 64 * 1024;

/// Stores the backup in place of an earlier one.
pub async fn store_key_backup(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    ciphertext: &str,
) -> Result<(), AccountError> {
    let (keys, now) = (&core.store.keys, core.clock.now());
    let tx = core.store.db.begin().await?;
    accounts::set_key_backup(&tx, keys, caller.uid, ciphertext, now).await?;
    let (action, object) = (Action::KeyBackupStore, Object::User(caller.uid));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
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
