//! May one write there, and where does it go?

use std::sync::Arc;

use melo_domain::{ChatAction, ContactStatus, LogId, LogKind, Timestamp, Uid};
use melo_storage::{Audience, StorageError, contacts, logs};

use super::MessageError;
use crate::caches::DirectRoute;
use crate::chats::{self, Room};
use crate::people::blocks_between;
use crate::{Core, Fault};

/// Where a message is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// To a contact.
    Person(Uid),
    /// To a group or channel.
    Chat(LogId),
}

/// A conversation that the caller may write to.
pub(crate) enum Route {
    /// Of two people.
    Direct(DirectRoute),
    /// Of several.
    Chat(Arc<Room>),
}

impl Route {
    pub(crate) fn log(&self) -> LogId {
        match self {
            Self::Direct(route) => route.log,
            Self::Chat(room) => room.log,
        }
    }

    pub(crate) fn audience(&self) -> Audience {
        match self {
            Self::Direct(route) => Audience {
                kind: LogKind::Direct,
                members: Arc::clone(&route.audience),
                members_seq: 0,
            },
            Self::Chat(room) => room.audience(),
        }
    }

    /// When a message that is written now is to be taken away again.
    pub(crate) fn expiry(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Direct(route) => route.expiry(now),
            Self::Chat(room) => room.expiry(now),
        }
    }
}

/// The conversation with a person or of a chat, if the caller may do this there.
pub(crate) async fn find(
    core: &Core,
    from: Uid,
    to: Destination,
    action: ChatAction,
) -> Result<Route, MessageError> {
    match to {
        Destination::Person(to) => Ok(Route::Direct(direct(core, from, to).await?)),
        Destination::Chat(log) => {
            let room = chats::room_of(core, from, log).await?;
            room.allow(from, action)?;
            Ok(Route::Chat(room))
        }
    }
}

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
        disappearing: logs::disappearing(core.store.db.read(), log).await?,
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
