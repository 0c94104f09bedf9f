//! Past messages of a conversation, by the page or from a place on.

use std::sync::Arc;

use melo_domain::{LogId, Seq};
use melo_storage::StorageError;
use melo_storage::history::{self, Direction};

use super::{Destination, MessageError, Past, past, published, route};
use crate::{Caller, Core};

/// One page.
pub struct HistoryPage {
    /// Oldest first.
    pub messages: Vec<Past>,
    /// The conversation.
    pub log: LogId,
    /// Messages in all.
    pub total: u64,
    /// The calling device's key id, for cutting envelopes.
    pub kid: Option<Arc<str>>,
}

/// Messages of a conversation; page 1 is the newest. Those that are gone are left out.
pub async fn history(
    core: &Core,
    caller: Caller,
    of: Destination,
    page: u32,
    per_page: u32,
) -> Result<HistoryPage, MessageError> {
    let (log, from) = route::readable(core, caller.uid, of).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let (events, total) = history::page(db, keys, log, from, page, per_page).await?;
    Ok(HistoryPage {
        messages: past::view(core, log, events).await?,
        log,
        total,
        kid: kid_of(core, caller).await?,
    })
}

/// A stretch.
pub struct HistorySlice {
    /// Oldest first, with what is left of messages that are gone.
    pub messages: Vec<Past>,
    /// The conversation.
    pub log: LogId,
    /// Where to go on in the same direction; `None` at the end.
    pub next: Option<Seq>,
    /// The calling device's key id, for cutting envelopes.
    pub kid: Option<Arc<str>>,
}

/// Messages of a conversation before or after a place, the nearest `limit` of them.
pub async fn history_from(
    core: &Core,
    caller: Caller,
    of: Destination,
    direction: Direction,
    limit: u32,
) -> Result<HistorySlice, MessageError> {
    let (log, from) = route::readable(core, caller.uid, of).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = history::slice(db, keys, log, from, direction, limit.into()).await?;
    Ok(HistorySlice {
        messages: past::view(core, log, found.events).await?,
        log,
        next: found.next,
        kid: kid_of(core, caller).await?,
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
