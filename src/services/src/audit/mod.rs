//! The audit log: every account, token, session and admin action leaves an entry in the transaction of the
//! change it tells of.

mod action;
mod verify;

pub use action::{Action, Object};
pub use melo_storage::audit::Head;
pub use verify::{Verdict, verify};

use melo_domain::Uid;
use melo_storage::audit::{self, AuditEntry};
use melo_storage::{ConnectionTrait, StorageError};
use serde::Serialize;

use crate::{Core, Origin};

/// Longest JSON of an entry's details, in bytes: an entry tells of a change, it does not keep it.
const MAX_DETAILS: usize = 4096;

/// Appends an entry. The last thing before a transaction's commit: from here on nobody else appends.
pub(crate) async fn record(
    core: &Core,
    tx: &impl ConnectionTrait,
    origin: &Origin,
    actor: Option<Uid>,
    action: Action,
    object: Object,
    details: &impl Serialize,
) -> Result<(), StorageError> {
    let details = serde_json::to_string(details).map_err(|_| StorageError::Corrupt("details"))?;
    if details.len() > MAX_DETAILS {
        return Err(StorageError::Corrupt("over-long audit details"));
    }
    let entry = AuditEntry {
        id: 0,
        at: core.now(),
        actor,
        action: action.as_str().to_owned(),
        object: object.to_string(),
        details,
        ip_address: origin.address.to_string(),
        user_agent: origin.user_agent.clone(),
        request_id: origin.request_id.clone(),
    };
    audit::append(tx, &core.store.keys, &core.audit, entry).await?;
    Ok(())
}

/// Appends an entry about something that changes no other row.
pub(crate) async fn record_alone(
    core: &Core,
    origin: &Origin,
    actor: Option<Uid>,
    action: Action,
    object: Object,
    details: &impl Serialize,
) -> Result<(), StorageError> {
    let tx = core.store.db.begin().await?;
    record(core, &tx, origin, actor, action, object, details).await?;
    Ok(tx.commit().await?)
}
