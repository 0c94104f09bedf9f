//! A client without a connection says what was read.

use melo_domain::{LogId, LogKind, MessageId};
use melo_storage::{cursors, logs};

use super::progress::{Moved, moved};
use crate::messages::{Destination, MessageError, peer_of, route};
use crate::{Caller, Core};

/// The person has read everything up to a message. `chat` is the chat it is said to be of, if one was named.
pub async fn read(
    core: &Core,
    caller: Caller,
    chat: Option<LogId>,
    id: MessageId,
) -> Result<(), MessageError> {
    let log = id.log;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    if chat.is_some_and(|chat| chat != log) {
        return Err(MessageError::NotFound);
    }
    let kind = logs::kind(db, log).await?.ok_or(MessageError::NotFound)?;
    let from = match kind {
        LogKind::Private => return Err(MessageError::NotFound),
        LogKind::Direct => {
            peer_of(core, caller.uid, log).await?;
            0
        }
        LogKind::Group | LogKind::Channel => {
            route::readable(core, caller.uid, Destination::Chat(log))
                .await?
                .1
        }
    };
    let last = logs::bounds(db, log).await?.last_seq;
    if id.seq == 0 || id.seq < from || id.seq > last {
        return Err(MessageError::NotFound);
    }
    let stored = cursors::find(db, keys, caller.device, log).await?;
    let before = core.cursors.newest(caller.device, log, stored);
    let mut after = before;
    after.read = after.read.max(id.seq);
    if after == before {
        return Ok(());
    }
    // What the device was sent over a connection is another question: that position stays.
    core.cursors.raise(caller.device, log, after);
    let step = Moved {
        log,
        kind,
        before,
        after,
        concerns_others: true,
    };
    moved(core, caller, step).await
}
