//! Signs a device out for good.

use melo_domain::{ClientDeviceId, DeviceHandle};
use melo_protocol::CloseCode;
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::Which;
use melo_storage::{ConnectionTrait, StorageError};

use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::keys::{self, KeyError};
use crate::{Caller, Core, Grant, Origin, sessions};

/// Which device.
pub enum DeviceName {
    /// As its client calls it.
    Client(ClientDeviceId),
    /// By its public name.
    Public(DeviceHandle),
}

/// Takes the device's token, ends its sessions, and takes its keys out of the directory: nothing is encrypted
/// to it any more. The device of this call keeps the session of this call.
pub async fn revoke(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    name: &DeviceName,
) -> Result<(), AccessError> {
    if caller.grant != Grant::Login {
        return Err(AccessError::LoginRequired);
    }
    let tx = core.store.db.begin().await?;
    let handle = find(core, &tx, caller, name).await?;
    let ended = sessions::end(&tx, caller.uid, Which::OfDeviceBut(handle, caller.session)).await?;
    devices::drop_tokens(&tx, caller.uid, Tokens::Of(handle)).await?;
    let (action, object) = (Action::DeviceRevoke, Object::Device(handle));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    if handle == caller.device {
        return Ok(());
    }
    match keys::remove(core, caller, origin, handle).await {
        // It never published any.
        Ok(_) | Err(KeyError::DeviceNotFound) => Ok(()),
        Err(KeyError::Fault(fault)) => Err(fault.into()),
        Err(_) => Err(AccessError::NotFound("device")),
    }
}

async fn find(
    core: &Core,
    tx: &impl ConnectionTrait,
    caller: Caller,
    name: &DeviceName,
) -> Result<DeviceHandle, AccessError> {
    let keys = &core.store.keys;
    let found = match name {
        DeviceName::Client(id) => devices::find(tx, keys, caller.uid, id).await?,
        DeviceName::Public(handle) => devices::find_by_handle(tx, keys, *handle)
            .await?
            .filter(|device| device.uid == caller.uid),
    };
    Ok(found.ok_or(AccessError::NotFound("device"))?.handle)
}
