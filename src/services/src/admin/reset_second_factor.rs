//! Takes somebody's second factor away, for who has lost phone and recovery codes.

use melo_domain::{AdminAction, Uid};
use melo_storage::{StorageError, second_factors};
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Takes the second factor of `uid` and its recovery codes away. Live sessions go on: they were begun with it.
pub async fn reset_second_factor(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    reason: &str,
) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    let permission = AdminAction::ResetSecondFactor;
    let actor = authorize_on(core, &tx, caller, permission, Some(uid)).await?;
    if !second_factors::remove(&tx, uid).await? {
        return Err(AdminError::NoSecondFactor);
    }
    let (action, object) = (Action::AdminResetSecondFactor, Object::User(uid));
    let details = json!({"reason": reason});
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    Ok(tx.commit().await.map_err(StorageError::from)?)
}
