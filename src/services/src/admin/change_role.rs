//! Gives somebody another rank.

use melo_domain::{AdminAction, Role, Uid};
use melo_storage::accounts::{self, Standing};
use melo_storage::{DatabaseTransaction, StorageError, admin::people};
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Gives `uid` the role. Owners choose all others; another owner they cannot demote, but they can step down
/// themselves while there is another one.
pub async fn change_role(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    role: Role,
    reason: &str,
) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    let others = Some(uid).filter(|uid| *uid != caller.uid);
    let actor = authorize_on(core, &tx, caller, AdminAction::ChangeRole, others).await?;
    let before = set_role(&tx, uid, role).await?;
    let details = json!({"reason": reason, "from": before.as_str(), "to": role.as_str()});
    let (action, object) = (Action::AdminChangeRole, Object::User(uid));
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    Ok(tx.commit().await.map_err(StorageError::from)?)
}

/// Writes the role, unless nobody would be left to choose the others. Returns the role before.
pub(super) async fn set_role(
    tx: &DatabaseTransaction,
    uid: Uid,
    role: Role,
) -> Result<Role, AdminError> {
    // The owners first, and in one order: two of them may step down at once.
    let owners = people::hold_role(tx, Role::Owner).await?;
    let before = accounts::hold_standing(tx, uid).await?;
    let before = before.ok_or(AdminError::UserNotFound)?.role;
    if role != Role::Owner && owners == [uid] {
        return Err(AdminError::LastOwner);
    }
    let standing = Standing {
        role: Some(role),
        ..Standing::default()
    };
    accounts::set_standing(tx, uid, standing).await?;
    Ok(before)
}
