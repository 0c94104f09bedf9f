//! Events in people's private logs: written in the transaction of the change they tell of, published after it.

use std::sync::Arc;

use melo_domain::{EventKind, LogEvent, LogId, LogKind, Uid};
use melo_realtime::{BusMessage, LiveEvent};
use melo_storage::{ConnectionTrait, NewEvent, StorageError, events};
use serde::Serialize;

use crate::Core;

/// A notice that is written and not yet told.
#[must_use = "publish it after the commit"]
pub(crate) struct Notice {
    owner: Uid,
    event: LogEvent,
}

/// Whose private log, and which one that is.
#[derive(Clone, Copy)]
pub(crate) struct Recipient {
    pub uid: Uid,
    pub private_log: LogId,
}

/// Appends a notice to `recipient`'s private log.
pub(crate) async fn append(
    core: &Core,
    tx: &impl ConnectionTrait,
    recipient: Recipient,
    kind: EventKind,
    sender: Uid,
    members: &impl Serialize,
) -> Result<Notice, StorageError> {
    let payload = serde_json::to_string(members).map_err(|_| StorageError::Corrupt("notice"))?;
    let new = NewEvent::new(recipient.private_log, kind, sender, payload);
    let event = events::append(tx, &core.store.keys, new, core.clock.now()).await?;
    Ok(Notice {
        owner: recipient.uid,
        event,
    })
}

/// Tells the live connections.
pub(crate) fn publish(core: &Core, notices: impl IntoIterator<Item = Notice>) {
    for notice in notices {
        core.bus.publish(BusMessage::Event {
            event: Arc::new(LiveEvent::new(notice.event, LogKind::Private)),
            audience: [notice.owner].into(),
        });
    }
}
