//! All logs of a person as they stand, in pages: what a new device begins with.

use melo_domain::{LogId, LogKind, Seq, Uid};
use melo_storage::cursors::Position;
use melo_storage::events::{self, Head};
use melo_storage::logs::{self, LogState};
use melo_storage::unread::unread;
use melo_storage::{StorageError, accounts};

use super::session::LiveError;
use crate::{Caller, Core};

/// One log.
#[derive(Debug)]
pub struct LogView {
    /// Which.
    pub log: LogId,
    /// Of what.
    pub kind: LogKind,
    /// The other person of a direct conversation.
    pub peer: Option<Uid>,
    /// The first event that is for this person and still there.
    pub first_seq: Seq,
    /// The newest event.
    pub last_seq: Seq,
    /// How far the calling device is.
    pub position: Position,
    /// Messages of others behind what was read, up to [`melo_storage::unread::MAX_UNREAD`].
    pub unread: u64,
    /// What stands at the end.
    pub last: Option<Head>,
}

/// A page.
#[derive(Debug)]
pub struct Snapshot {
    /// In the order of their ids.
    pub logs: Vec<LogView>,
    /// The person's own log.
    pub private_log: LogId,
    /// Where the next page begins; none behind the last.
    pub next: Option<LogId>,
}

/// Reads a page of the caller's logs behind `after`, in five queries whatever is in it.
pub async fn snapshot(
    core: &Core,
    caller: Caller,
    after: Option<LogId>,
    limit: u32,
) -> Result<Snapshot, LiveError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let (uid, device) = (caller.uid, caller.device);
    let mut states = logs::page_of_person(db, keys, uid, device, after, limit + 1).await?;
    let more = states.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        states.pop();
    }
    let next = more.then(|| states.last().map(|state| state.log)).flatten();
    for state in &mut states {
        state.position = core.cursors.newest(device, state.log, state.position);
    }
    let direct: Vec<LogId> = of_kind(&states, |kind| kind == LogKind::Direct);
    let peers = logs::peers(db, uid, &direct).await?;
    let ends: Vec<(LogId, Seq)> = states.iter().map(|s| (s.log, s.last_seq)).collect();
    let heads = events::heads(db, keys, &ends).await?;
    let marks: Vec<(LogId, Seq)> = states
        .iter()
        .filter(|state| state.kind != LogKind::Private)
        .map(|state| (state.log, state.position.read.max(first_of(state) - 1)))
        .collect();
    let counts = unread(db, uid, &marks).await?;
    let private = accounts::private_logs(db, &[uid]).await?;
    let (_, private_log) = private
        .first()
        .copied()
        .ok_or(StorageError::Corrupt("account without a private log"))?;
    let view = |state: &LogState| LogView {
        log: state.log,
        kind: state.kind,
        peer: peers.get(&state.log).copied(),
        first_seq: first_of(state),
        last_seq: state.last_seq,
        position: state.position,
        unread: counts.get(&state.log).copied().unwrap_or(0),
        last: heads.get(&state.log).copied(),
    };
    Ok(Snapshot {
        logs: states.iter().map(view).collect(),
        private_log,
        next,
    })
}

fn of_kind(states: &[LogState], is: impl Fn(LogKind) -> bool) -> Vec<LogId> {
    let of_kind = states.iter().filter(|state| is(state.kind));
    of_kind.map(|state| state.log).collect()
}

fn first_of(state: &LogState) -> Seq {
    state.from_seq.max(state.pruned_seq + 1)
}
