//! Reads the audit log.

use melo_domain::{AdminAction, Uid};
use melo_storage::audit::{self as rows, AuditEntry, AuditFilter};
use serde_json::json;

use super::{AdminError, MAX_PAGE, authorize};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// What to look for; `None` means any.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// By whom.
    pub actor: Option<Uid>,
    /// What.
    pub action: Option<Action>,
    /// To what, as in `user:10000001`.
    pub object: Option<String>,
    /// Entries before this one.
    pub before: Option<i64>,
    /// Entries at most.
    pub limit: u64,
}

/// Entries, newest first.
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// What to ask for next, if there may be more.
    pub next: Option<i64>,
}

/// A page of the log. That it was read is its newest entry from then on.
pub async fn read_audit(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    query: &AuditQuery,
) -> Result<AuditPage, AdminError> {
    let actor = authorize(core, caller, AdminAction::ReadAudit, None).await?;
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action.map(|action| action.as_str().to_owned()),
        object: query.object.clone(),
    };
    let limit = query.limit.min(MAX_PAGE);
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let entries = rows::search(db, keys, &filter, query.before, limit).await?;
    let full = u64::try_from(entries.len()).is_ok_and(|read| read == limit);
    let next = entries.last().filter(|_| full).map(|entry| entry.id);
    let details = json!({
        "actor": filter.actor,
        "action": filter.action,
        "object": filter.object,
        "before": query.before,
    });
    let (action, object) = (Action::AuditRead, Object::Server);
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok(AuditPage { entries, next })
}
