//! Signs one of somebody's devices out for good.

use melo_domain::{AdminAction, DeviceHandle, Uid};
use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::admin;
use melo_storage::devices::{self, Tokens, Unpublish};
use melo_storage::sessions::Which;
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::fault::in_turn;
use crate::keys::{self, DirectoryChange};
use crate::{Caller, Core, Origin, sessions};

/// Takes the device's token, ends its sessions, and takes its keys out of the directory, of which contacts are
/// told: nothing is encrypted to it any more.
pub async fn revoke_device(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    device: DeviceHandle,
) -> Result<(), AdminError> {
    in_turn(|| attempt(core, caller, origin, uid, device)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    device: DeviceHandle,
) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::EndSessions, Some(uid)).await?;
    if !admin::devices::belongs(&tx, uid, device).await? {
        return Err(AdminError::NotFound("device"));
    }
    devices::drop_tokens(&tx, uid, Tokens::Of(device)).await?;
    let ended = sessions::end(&tx, uid, Which::OfDevice(device)).await?;
    let published = devices::unpublish(&tx, uid, Unpublish::Only(device)).await? > 0;
    let mut told = None;
    if published {
        let change = DirectoryChange {
            new_identity: None,
            identity_changed: false,
            removal: true,
        };
        told = Some(keys::announce(core, &tx, uid, change).await?);
    }
    let (action, object) = (Action::DeviceRevoke, Object::Device(device));
    let details = json!({"user": uid, "sessions": ended.count(), "published": published});
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    core.caches.devices.invalidate(&uid);
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    if let Some(told) = told {
        told.tell(core).await;
    }
    Ok(())
}
