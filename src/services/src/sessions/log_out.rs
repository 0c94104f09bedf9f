//! Ends the caller's own session.

use melo_protocol::CloseCode;
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::Which;
use melo_storage::{StorageError, access_tokens};

use super::{end, tell};
use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Ends the session of this call and takes the device's token: the next login there needs the password.
pub async fn log_out(core: &Core, caller: Caller, origin: &Origin) -> Result<(), AccessError> {
    let tx = core.store.db.begin().await?;
    let ended = end(&tx, caller.uid, Which::One(caller.session)).await?;
    devices::drop_tokens(&tx, caller.uid, Tokens::Of(caller.device)).await?;
    access_tokens::remove(&tx, caller.uid, caller.session).await?;
    let (action, object) = (Action::SessionEnd, Object::Session(caller.session));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    tell(core, ended, CloseCode::SessionRevoked);
    Ok(())
}
