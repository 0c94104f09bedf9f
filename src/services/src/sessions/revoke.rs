//! Ends one of the caller's other sessions.

use melo_domain::SessionId;
use melo_protocol::CloseCode;
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::{self, Which};
use melo_storage::{StorageError, access_tokens};

use super::{end, tell};
use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Ends a session, and takes the device token with which it could begin anew. Somebody else's session is not
/// there.
pub async fn revoke(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: SessionId,
) -> Result<(), AccessError> {
    if id == caller.session {
        return Err(AccessError::CurrentSession);
    }
    let tx = core.store.db.begin().await?;
    let session = sessions::find(&tx, id)
        .await?
        .filter(|session| session.uid == caller.uid)
        .ok_or(AccessError::NotFound("session"))?;
    let ended = end(&tx, caller.uid, Which::One(id)).await?;
    if ended.count() == 0 {
        return Err(AccessError::NotFound("session"));
    }
    // Two logins on one device share its token: the caller's own stays.
    if session.device != caller.device {
        devices::drop_tokens(&tx, caller.uid, Tokens::Of(session.device)).await?;
    }
    access_tokens::remove(&tx, caller.uid, id).await?;
    let (action, object) = (Action::SessionEnd, Object::Session(id));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}
