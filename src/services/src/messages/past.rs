//! A message as it stands now: what it became since it was sent.

use std::collections::HashMap;

use melo_domain::{DeviceHandle, EventKind, LogEvent, LogId, MessageId, Seq, Timestamp, Uid};
use melo_storage::{StorageError, changes, pins};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Core;

/// A message and what became of it.
#[derive(Debug)]
pub struct Past {
    /// As it was sent; without content when it is gone.
    pub event: LogEvent,
    /// Its newest content, if it was edited.
    pub edited: Option<Edited>,
    /// What people think of it now, each once.
    pub reactions: Vec<Reacted>,
    /// Whether it is pinned.
    pub pinned: bool,
}

impl Past {
    /// Whether it is the record of a call.
    pub fn is_call(&self) -> bool {
        self.event.kind == EventKind::CallRecord
    }

    /// Whether it was deleted, or its time was over.
    pub fn is_deleted(&self) -> bool {
        self.event.kind == EventKind::Erased
    }
}

/// Another content.
#[derive(Debug)]
pub struct Edited {
    /// The event that brought it.
    pub event_id: MessageId,
    /// What it is now.
    pub payload: Box<RawValue>,
    /// Since when.
    pub at: Timestamp,
    /// From which device.
    pub device: Option<DeviceHandle>,
}

/// Somebody's reaction.
#[derive(Debug)]
pub struct Reacted {
    /// Whose.
    pub uid: Uid,
    /// What it is.
    pub reaction: Reaction,
    /// Since when.
    pub at: Timestamp,
    /// From which device.
    pub device: Option<DeviceHandle>,
}

/// What a reaction is.
#[derive(Debug)]
pub enum Reaction {
    /// In plain.
    Plain(String),
    /// Sealed.
    Sealed(Box<RawValue>),
}

#[derive(Deserialize)]
struct Body {
    payload: Option<Box<RawValue>>,
    reaction: Option<String>,
}

/// What became of these messages of one log, in two queries.
pub(super) async fn view(
    core: &Core,
    log: LogId,
    events: Vec<LogEvent>,
) -> Result<Vec<Past>, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let there: Vec<Seq> = events
        .iter()
        .filter(|event| event.kind != EventKind::Erased)
        .map(|event| event.seq)
        .collect();
    let mut changes = changes::newest(db, keys, log, &there).await?;
    let pinned = pins::among(db, log, &there).await?;
    Ok(events
        .into_iter()
        .map(|event| Past {
            pinned: pinned.contains(&event.seq),
            edited: edited(&changes, event.seq),
            reactions: reactions(changes.remove(&event.seq)),
            event,
        })
        .collect())
}

fn body(event: &LogEvent) -> Option<Body> {
    serde_json::from_str(&event.payload).ok()
}

fn edited(changes: &HashMap<Seq, Vec<LogEvent>>, seq: Seq) -> Option<Edited> {
    let of_message = changes.get(&seq)?;
    let edit = of_message.iter().find(|e| e.kind == EventKind::Edit)?;
    Some(Edited {
        event_id: edit.message_id(),
        payload: body(edit)?.payload?,
        at: edit.at,
        device: edit.device,
    })
}

/// Those that stand: an empty one takes the one before it back.
fn reactions(changes: Option<Vec<LogEvent>>) -> Vec<Reacted> {
    let newest = changes.into_iter().flatten();
    newest
        .filter(|event| event.kind == EventKind::Reaction)
        .filter_map(|event| {
            let body = body(&event)?;
            let reaction = match (body.payload, body.reaction) {
                (Some(payload), _) => Reaction::Sealed(payload),
                (None, Some(text)) if !text.is_empty() => Reaction::Plain(text),
                (None, _) => return None,
            };
            Some(Reacted {
                uid: event.sender,
                reaction,
                at: event.at,
                device: event.device,
            })
        })
        .collect()
}
