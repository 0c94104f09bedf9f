//! Takes one of the caller's devices out of the directory: nothing is encrypted to it any more.

use melo_domain::DeviceHandle;
use melo_storage::StorageError;
use melo_storage::devices::{self, Unpublish};

use super::{DirectoryChange, KeyError, announce};
use crate::audit::{self, Action, Object};
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Removes the device's keys and tells contacts and chats. Returns the directory's version.
pub async fn remove(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    device: DeviceHandle,
) -> Result<u64, KeyError> {
    in_turn(|| attempt(core, caller, origin, device)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    device: DeviceHandle,
) -> Result<u64, KeyError> {
    let tx = core.store.db.begin().await?;
    if devices::unpublish(&tx, caller.uid, Unpublish::Only(device)).await? == 0 {
        return Err(KeyError::DeviceNotFound);
    }
    let change = DirectoryChange {
        new_identity: None,
        identity_changed: false,
        removal: true,
    };
    let told = announce(core, &tx, caller.uid, change).await?;
    let (action, object) = (Action::KeysRemove, Object::Device(device));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    core.caches.devices.invalidate(&caller.uid);
    let version = told.version;
    told.tell(core).await;
    Ok(version)
}
