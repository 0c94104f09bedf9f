//! Lets somebody come near again. A request that they made meanwhile, and that nobody was told of, is told now.

use melo_domain::Uid;
use melo_storage::{StorageError, accounts, blocks, contacts};
use serde_json::json;

use super::block::block_notice;
use super::{PeopleError, changed};
use crate::audit::{self, Action, Object};
use crate::contacts::request_notice;
use crate::{Caller, Core, Origin, notices};

/// Lifts the block of `peer`.
pub async fn unblock(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    peer: Uid,
) -> Result<(), PeopleError> {
    let keys = &core.store.keys;
    let tx = core.store.db.begin().await?;
    if !blocks::remove(&tx, caller.uid, peer).await? {
        return Err(PeopleError::NotBlocked);
    }
    let mut told = Vec::with_capacity(2);
    told.extend(block_notice(core, &tx, caller, peer, false).await?);
    if contacts::release(&tx, peer, caller.uid).await? {
        let request = contacts::find(&tx, peer, caller.uid).await?;
        let asking = accounts::find(&tx, keys, peer).await?;
        let asked = accounts::find(&tx, keys, caller.uid).await?;
        if let (Some(request), Some(asking), Some(asked)) = (request, asking, asked) {
            told.push(request_notice(core, &tx, &asking, &asked, request.secret).await?);
        }
    }
    let (actor, object) = (Some(caller.uid), Object::User(caller.uid));
    let details = json!({ "peer": peer });
    let action = Action::BlockRemove;
    audit::record(core, &tx, origin, actor, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    changed(core, caller.uid, &[peer]);
    notices::publish(core, told);
    Ok(())
}
