//! The pinned messages of a conversation.

use std::sync::Arc;

use melo_domain::{LogId, Timestamp, Uid};
use melo_storage::pins;

use super::{Destination, MessageError, Past, kid_of, past, route};
use crate::{Caller, Core};

/// A pinned message.
pub struct Pinned {
    /// As it stands now.
    pub message: Past,
    /// Who pinned it.
    pub by: Uid,
    /// When.
    pub at: Timestamp,
}

/// All of a conversation.
pub struct PinnedMessages {
    /// The one that was pinned last first.
    pub pins: Vec<Pinned>,
    /// The conversation.
    pub log: LogId,
    /// The calling device's key id, for cutting envelopes.
    pub kid: Option<Arc<str>>,
}

/// What is pinned in a conversation, as far as the caller can see it.
pub async fn pinned(
    core: &Core,
    caller: Caller,
    of: Destination,
) -> Result<PinnedMessages, MessageError> {
    let (log, from) = route::readable(core, caller.uid, of).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = pins::of_log(db, keys, log, from).await?;
    let mut by = Vec::with_capacity(found.len());
    let mut messages = Vec::with_capacity(found.len());
    for pin in found {
        by.push((pin.by.sender, pin.by.at));
        messages.push(pin.message);
    }
    let messages = past::view(core, log, messages).await?;
    let pins = messages.into_iter().zip(by);
    Ok(PinnedMessages {
        pins: pins
            .map(|(message, (by, at))| Pinned { message, by, at })
            .collect(),
        log,
        kid: kid_of(core, caller).await?,
    })
}
