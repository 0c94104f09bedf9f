//! May one write to the other, and where does it go?

use melo_domain::{ContactStatus, Uid};
use melo_storage::{StorageError, contacts};

use super::MessageError;
use crate::caches::DirectRoute;
use crate::{Core, Fault};

/// The conversation of two contacts.
pub(super) async fn direct(core: &Core, from: Uid, to: Uid) -> Result<DirectRoute, MessageError> {
    if from == to {
        return Err(MessageError::SelfTarget);
    }
    if let Some(route) = core.caches.routes.get(&(from, to)) {
        return Ok(route);
    }
    let relation = contacts::find(core.store.db.read(), from, to).await?;
    let relation = relation
        .filter(|c| c.status == ContactStatus::Accepted)
        .ok_or(MessageError::NotAContact)?;
    let log = relation
        .log
        .ok_or(Fault::from(StorageError::Corrupt("contact without a log")))?;
    let route = DirectRoute {
        log,
        audience: [from, to].into(),
    };
    core.caches.routes.insert((from, to), route.clone());
    Ok(route)
}
