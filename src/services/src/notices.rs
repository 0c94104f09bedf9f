//! Events in people's private logs: written in the transaction of the change they tell of, published after it.

use std::sync::Arc;

use melo_domain::{EventKind, LogEvent, LogId, LogKind, Uid};
use melo_realtime::{BusMessage, LiveEvent};
use melo_storage::{ConnectionTrait, NewEvent, StorageError, accounts, events};
use serde::Serialize;

use crate::Core;

/// People whose private logs are looked up in one query.
const RECIPIENTS: usize = 500;

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

/// Appends the same notice to the private logs of many people.
pub(crate) async fn append_each(
    core: &Core,
    tx: &impl ConnectionTrait,
    recipients: &[Recipient],
    kind: EventKind,
    sender: Uid,
    members: &impl Serialize,
) -> Result<Vec<Notice>, StorageError> {
    let payload = serde_json::to_string(members).map_err(|_| StorageError::Corrupt("notice"))?;
    let new = recipients
        .iter()
        .map(|to| NewEvent::new(to.private_log, kind, sender, payload.clone()))
        .collect();
    let events = events::append_each(tx, &core.store.keys, new, core.clock.now()).await?;
    let written = recipients.iter().zip(events);
    Ok(written
        .map(|(to, event)| Notice {
            owner: to.uid,
            event,
        })
        .collect())
}

/// Where these people's notices go.
pub(crate) async fn recipients(
    tx: &impl ConnectionTrait,
    uids: &[Uid],
) -> Result<Vec<Recipient>, StorageError> {
    let mut found = Vec::with_capacity(uids.len());
    for chunk in uids.chunks(RECIPIENTS) {
        let logs = accounts::private_logs(tx, chunk).await?;
        found.extend(
            logs.into_iter()
                .map(|(uid, private_log)| Recipient { uid, private_log }),
        );
    }
    Ok(found)
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
