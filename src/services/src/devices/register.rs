//! Gives a device a token of its own.

use melo_crypto::BearerToken;
use melo_domain::{ClientDeviceId, DeviceHandle, Secret};
use melo_storage::{StorageError, devices};
use serde_json::json;

use crate::access::AccessError;
use crate::account::find_or_add_device;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Grant, Origin, notices};

/// Makes a token for the device that the caller's client calls `id`; an older one there dies.
pub async fn register(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: &ClientDeviceId,
) -> Result<(DeviceHandle, Secret), AccessError> {
    if caller.grant != Grant::Login {
        return Err(AccessError::LoginRequired);
    }
    let (keys, now) = (&core.store.keys, core.now());
    let (token, hash) = BearerToken::generate();
    let tx = core.store.db.begin().await?;
    let (handle, notice) = find_or_add_device(core, &tx, caller.uid, id, origin).await?;
    devices::set_token(
        &tx,
        keys,
        handle,
        &hash,
        now.plus(core.policy.device_token_life),
    )
    .await?;
    let details = json!({"new": notice.is_some()});
    let (action, object) = (Action::DeviceRegister, Object::Device(handle));
    audit::record(
        core,
        &tx,
        origin,
        Some(caller.uid),
        action,
        object,
        &details,
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, notice);
    Ok((handle, token))
}
