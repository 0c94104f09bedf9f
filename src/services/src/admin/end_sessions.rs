//! Ends sessions of somebody.

use melo_domain::{AdminAction, SessionId, Uid};
use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::{self as rows, Which};
use serde_json::json;

use super::{AdminError, authorize_on};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin, sessions};

/// Ends one session, and takes the device token with which it would begin anew.
pub async fn end_session(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    id: SessionId,
) -> Result<(), AdminError> {
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::EndSessions, Some(uid)).await?;
    let session = rows::find(&tx, id).await?;
    let session = session.filter(|session| session.uid == uid && session.active);
    let session = session.ok_or(AdminError::NotFound("session"))?;
    let ended = sessions::end(&tx, uid, Which::One(id)).await?;
    devices::drop_tokens(&tx, uid, Tokens::Of(session.device)).await?;
    let (action, object) = (Action::SessionEnd, Object::Session(id));
    let details = json!({"user": uid});
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}

/// Ends all sessions and personal access tokens, and takes all device tokens. Returns how many sessions there were.
pub async fn end_sessions(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
) -> Result<u64, AdminError> {
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::EndSessions, Some(uid)).await?;
    let ended = sessions::end(&tx, uid, Which::All).await?;
    let count = ended.count();
    devices::drop_tokens(&tx, uid, Tokens::All).await?;
    let (action, object) = (Action::SessionEndAll, Object::User(uid));
    let details = json!({"count": count});
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(count)
}
