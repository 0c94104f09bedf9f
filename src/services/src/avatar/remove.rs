//! Takes one's own picture away.

use melo_storage::{StorageError, avatars};
use serde_json::json;

use super::AvatarError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Removes the picture. Without one, nothing changes.
pub async fn remove(core: &Core, caller: Caller, origin: &Origin) -> Result<(), AvatarError> {
    let tx = core.store.db.begin().await?;
    if !avatars::remove(&tx, caller.uid).await? {
        return Ok(());
    }
    let (actor, object) = (Some(caller.uid), Object::User(caller.uid));
    let details = json!({ "set": false });
    let action = Action::AvatarUpdate;
    audit::record(core, &tx, origin, actor, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(())
}
