//! Takes an invite back.

use melo_domain::AdminAction;
use melo_storage::{StorageError, invites};

use super::InviteError;
use crate::admin::authorize_on;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// From now on nobody registers with it. Accounts that did stay.
pub async fn revoke(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: i64,
) -> Result<(), InviteError> {
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::ManageInvites, None).await?;
    if !invites::remove(&tx, id).await? {
        return Err(InviteError::NotFound);
    }
    let (action, object) = (Action::InviteRevoke, Object::Invite(id));
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(())
}
