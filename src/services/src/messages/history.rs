//! Past messages of a direct conversation, by the page.

use std::sync::Arc;

use melo_domain::{LogEvent, LogId, Uid};
use melo_storage::{StorageError, events};

use super::{MessageError, published, route};
use crate::{Caller, Core};

/// One page.
pub struct HistoryPage {
    /// Oldest first.
    pub events: Vec<LogEvent>,
    /// The conversation.
    pub log: LogId,
    /// Messages in all.
    pub total: u64,
    /// The calling device's key id, for cutting envelopes.
    pub kid: Option<Arc<str>>,
}

/// Messages with `other`; page 1 is the newest.
pub async fn history(
    core: &Core,
    caller: Caller,
    other: Uid,
    page: u32,
    per_page: u32,
) -> Result<HistoryPage, MessageError> {
    let log = route::past(core, caller.uid, other).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let (events, total) = events::message_page(db, keys, log, page, per_page).await?;
    let kid = kid_of(core, caller).await?;
    Ok(HistoryPage {
        events,
        log,
        total,
        kid,
    })
}

/// The key id of the calling device.
pub(crate) async fn kid_of(core: &Core, caller: Caller) -> Result<Option<Arc<str>>, StorageError> {
    let own = published(core, caller.uid).await?;
    Ok(own
        .iter()
        .find(|d| d.device == caller.device)
        .map(|d| Arc::clone(&d.kid)))
}
