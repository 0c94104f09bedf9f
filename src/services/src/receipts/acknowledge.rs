//! Positions that a client moves by a call: for those that receive over a stream, or fetch.

use std::collections::BTreeMap;

use melo_domain::{LogId, LogKind, Seq};
use melo_storage::cursors::Position;
use melo_storage::logs;
use melo_storage::unread::others_after;

use super::progress::{Moved, moved};
use crate::messages::MessageError;
use crate::{Caller, Core};

/// What a device says it has, and what its person has read.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// The device has everything up to here.
    pub delivered: BTreeMap<LogId, Seq>,
    /// The person has read everything up to here.
    pub read: BTreeMap<LogId, Seq>,
}

/// Moves the positions forward and tells whom it concerns, as acknowledgements over a connection do. Logs that the person
/// is not in are passed over, a position beyond the end counts as the end. Returns where the named logs stand now.
pub async fn acknowledge(
    core: &Core,
    caller: Caller,
    said: &Acknowledged,
) -> Result<BTreeMap<LogId, Position>, MessageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let states = logs::of_person(db, keys, caller.uid, caller.device).await?;
    let mut stand = BTreeMap::new();
    let mut steps = Vec::new();
    for state in states {
        let said_of =
            |of: &BTreeMap<LogId, Seq>| of.get(&state.log).map(|s| *s.min(&state.last_seq));
        let (delivered, read) = (said_of(&said.delivered), said_of(&said.read));
        if delivered.is_none() && read.is_none() {
            continue;
        }
        let before = core
            .cursors
            .newest(caller.device, state.log, state.position);
        let read = read.unwrap_or(0).max(before.read);
        // Who has read something has got it.
        let delivered = delivered.unwrap_or(0).max(before.delivered).max(read);
        let after = Position { delivered, read };
        stand.insert(state.log, after);
        if after != before {
            steps.push(Moved {
                log: state.log,
                kind: state.kind,
                before,
                after,
                concerns_others: false,
            });
        }
    }
    let shared = steps.iter().filter(|step| step.kind != LogKind::Private);
    let marks: Vec<(LogId, Seq)> = shared.map(|step| (step.log, since(step))).collect();
    let others = others_after(db, caller.uid, &marks).await?;
    for mut step in steps {
        step.concerns_others = others.contains(&step.log);
        // A connection of the device, if there is one, does not know of it and goes on from what it knows.
        core.cursors.raise(caller.device, step.log, step.after);
        moved(core, caller, step).await?;
    }
    Ok(stand)
}

/// What is news lies behind this.
fn since(step: &Moved) -> Seq {
    if step.after.read > step.before.read {
        step.before.read
    } else {
        step.before.delivered
    }
}
