//! May one write to the other, and where does it go?

use melo_domain::{ContactStatus, LogId, Uid};
use melo_storage::{StorageError, contacts};

use super::MessageError;
use crate::caches::DirectRoute;
use crate::people::blocks_between;
use crate::{Core, Fault};

/// The conversation of two contacts, of whom neither has blocked the other.
pub(crate) async fn direct(core: &Core, from: Uid, to: Uid) -> Result<DirectRoute, MessageError> {
    if from == to {
        return Err(MessageError::SelfTarget);
    }
    let relations = &core.caches.relations;
    if let Some(route) = relations.routes.get(&(from, to)) {
        return Ok(route);
    }
    let asked = relations.epoch();
    let blocks = blocks_between(core, from, to).await?;
    if blocks.own {
        return Err(MessageError::Blocked);
    }
    let relation = contacts::find(core.store.db.read(), from, to).await?;
    // Who was blocked learns as much as somebody who never was a contact.
    let relation = relation
        .filter(|c| c.status == ContactStatus::Accepted && !blocks.theirs)
        .ok_or(MessageError::NotAContact)?;
    let log = log_of(relation.log)?;
    let route = DirectRoute {
        log,
        audience: [from, to].into(),
    };
    relations.remember(asked, &relations.routes, (from, to), route.clone());
    Ok(route)
}

/// The conversation that `reader` has, or had, with `other`: what was written stays readable after a block, after the
/// two are contacts no longer, and after the other's account is gone.
pub(super) async fn past(core: &Core, reader: Uid, other: Uid) -> Result<LogId, MessageError> {
    if reader == other {
        return Err(MessageError::SelfTarget);
    }
    let relation = contacts::find(core.store.db.read(), reader, other).await?;
    relation
        .and_then(|c| c.log)
        .ok_or(MessageError::NotAContact)
}

fn log_of(log: Option<LogId>) -> Result<LogId, Fault> {
    log.ok_or(Fault::from(StorageError::Corrupt("contact without a log")))
}
