//! Makes somebody choose a new password.

use melo_domain::{AdminAction, Uid};
use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::accounts::{self, Standing};
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::Which;
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin, sessions};

/// Ends all sessions, takes all device tokens, and refuses logins until the password was reset.
pub async fn force_reset(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    reason: &str,
) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::ForceReset, Some(uid)).await?;
    let standing = Standing {
        reset_required: Some(true),
        ..Standing::default()
    };
    if !accounts::set_standing(&tx, uid, standing).await? {
        return Err(AdminError::UserNotFound);
    }
    let ended = sessions::end(&tx, uid, Which::All).await?;
    devices::drop_tokens(&tx, uid, Tokens::All).await?;
    let (action, object) = (Action::AdminForceReset, Object::User(uid));
    let details = json!({"reason": reason});
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}
