//! Revokes one of somebody's personal access tokens.

use melo_domain::{AdminAction, SessionId};
use melo_protocol::CloseCode;
use melo_storage::sessions::{self as rows, Which};
use melo_storage::{StorageError, access_tokens};
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin, sessions};

/// Revokes the token, whosever it is.
pub async fn revoke_token(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: SessionId,
) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    // Before the token is looked for: whoever may not learns nothing.
    let permission = AdminAction::EndSessions;
    authorize_on(core, &tx, caller, permission, None).await?;
    let session = rows::find(&tx, id).await?;
    let uid = session.ok_or(AdminError::NoToken)?.uid;
    let actor = authorize_on(core, &tx, caller, permission, Some(uid)).await?;
    if !access_tokens::remove(&tx, uid, id).await? {
        return Err(AdminError::NoToken);
    }
    let ended = sessions::end(&tx, uid, Which::One(id)).await?;
    let (action, object) = (Action::TokenRevoke, Object::Token(id));
    let details = json!({"user": uid});
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}
