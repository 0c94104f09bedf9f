//! Revokes a token.

use melo_domain::SessionId;
use melo_protocol::CloseCode;
use melo_storage::sessions::Which;
use melo_storage::{StorageError, access_tokens};

use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin, sessions};

/// Revokes one of the caller's tokens. Somebody else's is not there.
pub async fn revoke(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: SessionId,
) -> Result<(), AccessError> {
    let tx = core.store.db.begin().await?;
    if !access_tokens::remove(&tx, caller.uid, id).await? {
        return Err(AccessError::NotFound("token"));
    }
    let ended = sessions::end(&tx, caller.uid, Which::One(id)).await?;
    let (action, object) = (Action::TokenRevoke, Object::Token(id));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}
