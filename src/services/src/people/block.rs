//! Keeps somebody away: neither can write to the other, and they learn nothing new about each other.

use melo_domain::{EventKind, Uid};
use melo_storage::{DatabaseTransaction, StorageError, accounts, blocks};
use serde_json::json;

use super::{PeopleError, changed};
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::notices::{self, Notice, Recipient};
use crate::{Caller, Core, Origin};

/// Blocks `peer`. Blocking somebody twice changes nothing.
pub async fn block(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    peer: Uid,
) -> Result<(), PeopleError> {
    if peer == caller.uid {
        return Err(PeopleError::SelfTarget);
    }
    // The answer says whether there is such a person: trying out user ids is not free.
    limits::take(core, Limit::Stranger, caller.uid).await?;
    let tx = core.store.db.begin().await?;
    // Held: a block of somebody who leaves at this moment must not stay behind.
    if accounts::hold_standing(&tx, peer).await?.is_none() {
        return Err(PeopleError::UserNotFound);
    }
    if !blocks::add(&tx, &core.store.keys, caller.uid, peer, core.now()).await? {
        return Ok(());
    }
    let (actor, object) = (Some(caller.uid), Object::User(caller.uid));
    let details = json!({ "peer": peer });
    audit::record(core, &tx, origin, actor, Action::BlockAdd, object, &details).await?;
    let told = block_notice(core, &tx, caller, peer, true).await?;
    tx.commit().await.map_err(StorageError::from)?;
    changed(core, caller.uid, &[peer]);
    notices::publish(core, told);
    Ok(())
}

/// Tells one's own devices, and nobody else.
pub(super) async fn block_notice(
    core: &Core,
    tx: &DatabaseTransaction,
    caller: Caller,
    peer: Uid,
    blocked: bool,
) -> Result<Option<Notice>, StorageError> {
    let logs = accounts::private_logs(tx, &[caller.uid]).await?;
    let Some((uid, private_log)) = logs.first().copied() else {
        return Ok(None);
    };
    let recipient = Recipient { uid, private_log };
    let members = json!({ "user_id": peer, "blocked": blocked });
    let kind = EventKind::BlockChanged;
    let notice = notices::append(core, tx, recipient, kind, caller.uid, &members).await?;
    Ok(Some(notice))
}
