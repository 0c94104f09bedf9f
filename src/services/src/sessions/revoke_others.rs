//! Ends all of the caller's sessions but the current one.

use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::devices::{self, Tokens};
use melo_storage::sessions::Which;
use serde_json::json;

use super::{end, tell};
use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Ends every other login and takes every other device's token, also of devices that are signed out. Personal
/// access tokens go on. Returns how many logins there were.
pub async fn revoke_others(
    core: &Core,
    caller: Caller,
    origin: &Origin,
) -> Result<u64, AccessError> {
    let tx = core.store.db.begin().await?;
    let ended = end(&tx, caller.uid, Which::LoginsBut(caller.session)).await?;
    devices::drop_tokens(&tx, caller.uid, Tokens::AllBut(caller.device)).await?;
    let (action, object) = (Action::SessionEndAll, Object::User(caller.uid));
    let details = json!({"ended": ended.count()});
    audit::record(
        core,
        &tx,
        origin,
        Some(caller.uid),
        action,
        object,
        &details,
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;
    let count = ended.count();
    tell(core, ended, CloseCode::SessionRevoked);
    Ok(count)
}
