//! Somebody's devices.

use melo_domain::{AdminAction, DeviceHandle, Uid};
use melo_storage::admin::devices::{self, DeviceSummary};
use serde_json::json;

use super::{AdminError, MAX_PAGE, authorize};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// A page of the devices of `uid`.
pub async fn list_devices(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    after: Option<DeviceHandle>,
    limit: u64,
) -> Result<Vec<DeviceSummary>, AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewPeople, Some(uid)).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = devices::page(db, keys, uid, after, limit.min(MAX_PAGE)).await?;
    let (action, object) = (Action::AdminView, Object::User(uid));
    let details = json!({"what": "devices"});
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok(found)
}
