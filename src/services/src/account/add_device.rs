//! The device a login comes from, which may be new.

use melo_crypto::random;
use melo_domain::{ClientDeviceId, DeviceHandle, DeviceType, EventKind, Uid};
use melo_storage::{ConnectionTrait, StorageError, accounts, cursors, devices};
use serde_json::json;

use super::login::device_name;
use crate::notices::{self, Notice, Recipient};
use crate::{Core, Origin};

/// The device that `uid` calls `id`. A new one begins at the end of every log, and the person's other devices
/// are told: publish the notice after the commit.
pub(crate) async fn find_or_add_device(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
    id: &ClientDeviceId,
    origin: &Origin,
) -> Result<(DeviceHandle, Option<Notice>), StorageError> {
    let keys = &core.store.keys;
    if let Some(device) = devices::find(tx, keys, uid, id).await? {
        return Ok((device.handle, None));
    }
    let handle = DeviceHandle::from_random(random::u64());
    devices::insert(tx, keys, handle, uid, id, core.now()).await?;
    let account = accounts::find(tx, keys, uid)
        .await?
        .ok_or(StorageError::Corrupt("missing user row"))?;
    let recipient = Recipient {
        uid,
        private_log: account.private_log,
    };
    let members = json!({
        "device": handle,
        "device_type": DeviceType::from_user_agent(&origin.user_agent).as_str(),
        "device_name": device_name(&origin.user_agent),
        "ip_address": origin.address.to_string(),
    });
    let kind = EventKind::NewDevice;
    let notice = notices::append(core, tx, recipient, kind, uid, &members).await?;
    // After the notice: the new device need not be told of itself.
    cursors::start_at_end(tx, keys, uid, handle).await?;
    Ok((handle, Some(notice)))
}
