//! Publishes the calling device's keys.

use std::sync::Arc;

use melo_crypto::e2e::{self, DeviceKeyClaim};
use melo_domain::DeviceHandle;
use melo_realtime::BusMessage;
use melo_storage::devices::{self, PublishedDevice, Unpublish};
use melo_storage::{StorageError, accounts};
use serde_json::json;

use super::{DirectoryChange, KeyError, announce};
use crate::audit::{self, Action, Object};
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// What a device publishes.
pub struct PublishInput {
    /// The device it says to be.
    pub device: DeviceHandle,
    /// RSA, `SubjectPublicKeyInfo` DER.
    pub encryption_key: Vec<u8>,
    /// Ed25519.
    pub signing_key: Vec<u8>,
    /// Ed25519.
    pub identity_key: Vec<u8>,
    /// The identity key's signature.
    pub signature: Vec<u8>,
    /// Start over with another identity.
    pub replace_identity: bool,
}

/// Checks the signature, writes the keys, and tells contacts and one's own devices. Returns the directory's
/// version. Publishing the same keys again changes nothing.
pub async fn publish(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    input: PublishInput,
) -> Result<u64, KeyError> {
    if input.device != caller.device {
        return Err(KeyError::NotOwnDevice);
    }
    e2e::verify_device(DeviceKeyClaim {
        uid: caller.uid,
        device: caller.device,
        encryption_key: &input.encryption_key,
        signing_key: &input.signing_key,
        identity_key: &input.identity_key,
        signature: &input.signature,
    })?;
    let device = PublishedDevice {
        uid: caller.uid,
        handle: caller.device,
        kid: e2e::kid(&input.encryption_key),
        encryption_key: input.encryption_key,
        signing_key: input.signing_key,
        signature: input.signature,
    };
    let identity = input.identity_key.as_slice();
    let replace = input.replace_identity;
    in_turn(|| attempt(core, caller, origin, &device, identity, replace)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    device: &PublishedDevice,
    identity: &[u8],
    replace_identity: bool,
) -> Result<u64, KeyError> {
    let keys = &core.store.keys;
    let tx = core.store.db.begin().await?;
    let account = accounts::find(&tx, keys, caller.uid)
        .await?
        .ok_or(KeyError::UserNotFound)?;
    let known = devices::published(&tx, keys, &[caller.uid]).await?;
    let same_identity = account.identity_key.as_deref() == Some(identity);
    if same_identity && known.contains(device) {
        return Ok(account.directory_version);
    }
    let identity_changed = account.identity_key.is_some() && !same_identity;
    if identity_changed {
        if !replace_identity {
            return Err(KeyError::IdentityConflict);
        }
        devices::unpublish(&tx, caller.uid, Unpublish::AllBut(caller.device)).await?;
    }
    devices::publish(&tx, keys, device).await?;
    let is_other_key = |old: &PublishedDevice| old.handle == device.handle && old.kid != device.kid;
    let change = DirectoryChange {
        new_identity: (!same_identity).then_some(identity),
        identity_changed,
        removal: identity_changed || known.iter().any(is_other_key),
    };
    let told = announce(core, &tx, caller.uid, change).await?;
    let (action, object) = (Action::KeysPublish, Object::Device(caller.device));
    let details = json!({"kid": device.kid, "identity_changed": identity_changed});
    let actor = Some(caller.uid);
    audit::record(core, &tx, origin, actor, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;

    core.caches.devices.invalidate(&caller.uid);
    let kid: Arc<str> = device.kid.as_str().into();
    core.bus.publish(BusMessage::KeyPublished {
        uid: caller.uid,
        device: caller.device,
        kid,
    });
    let version = told.version;
    told.tell(core).await;
    Ok(version)
}
