//! Positions that a client moves by a call: for those that receive over a stream, or fetch.

use std::collections::BTreeMap;

use melo_domain::{LogId, LogKind, Seq};
use melo_storage::cursors::Position;
use melo_storage::logs;
use melo_storage::unread::unread;

use super::session::LiveError;
use crate::messages;
use crate::{Caller, Core};

/// What a device says it has, and what its person has read.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// The device has everything up to here.
    pub delivered: BTreeMap<LogId, Seq>,
    /// The person has read everything up to here.
    pub read: BTreeMap<LogId, Seq>,
}

/// Moves the positions forward and tells the other people what is news to them. Logs that the person is not in are
/// passed over, a position beyond the end counts as the end. Returns where the named logs stand now.
pub async fn acknowledge(
    core: &Core,
    caller: Caller,
    said: &Acknowledged,
) -> Result<BTreeMap<LogId, Position>, LiveError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let states = logs::of_person(db, keys, caller.uid, caller.device).await?;
    let mut stand = BTreeMap::new();
    let mut moved = Vec::new();
    for state in states {
        let said_of =
            |of: &BTreeMap<LogId, Seq>| of.get(&state.log).map(|s| *s.min(&state.last_seq));
        let (delivered, read) = (said_of(&said.delivered), said_of(&said.read));
        if delivered.is_none() && read.is_none() {
            continue;
        }
        let stored = core
            .cursors
            .newest(caller.device, state.log, state.position);
        let read = read.unwrap_or(0).max(stored.read);
        // Who has read something has got it.
        let delivered = delivered.unwrap_or(0).max(stored.delivered).max(read);
        let position = Position { delivered, read };
        stand.insert(state.log, position);
        if position != stored {
            let since = if read > stored.read {
                stored.read
            } else {
                stored.delivered
            };
            moved.push((state.log, state.kind, since, position));
        }
    }
    let direct = moved
        .iter()
        .filter(|(_, kind, ..)| *kind == LogKind::Direct);
    let marks: Vec<(LogId, Seq)> = direct.map(|(log, _, since, _)| (*log, *since)).collect();
    // One's own messages on one's other devices are nobody else's news.
    let others = unread(db, caller.uid, &marks).await?;
    for (log, _, _, position) in moved {
        if others.contains_key(&log) {
            messages::acknowledge(core, caller, log, position).await?;
        } else {
            core.cursors.note(caller.device, log, position);
        }
    }
    Ok(stand)
}
