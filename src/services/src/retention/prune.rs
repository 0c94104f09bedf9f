//! Old events leave the server.

use std::time::Duration;

use melo_domain::{LogId, Timestamp};
use melo_storage::StorageError;
use melo_storage::retention::{self, Aged, Cut};

use super::forget_log;
use crate::Core;
use crate::chats::KEY_LIFE;

/// Logs looked at in one step.
const LOGS: u64 = 200;
/// Events cut off in one transaction.
const EVENTS: u64 = 1000;
/// Transactions of one step, at most.
const CUTS: u32 = 20;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A pass through all logs, in small steps. One that was broken off, by an end of the process, is begun again: what was
/// cut off is gone for good, and what was not is found again.
#[derive(Debug, Default)]
pub struct Pruning {
    after: Option<LogId>,
}

impl Pruning {
    /// Goes on for a step; says whether the pass goes on after it.
    pub async fn step(&mut self, core: &Core) -> Result<bool, StorageError> {
        let (found, end) = retention::page(core.store.db.read(), self.after, LOGS).await?;
        let mut cuts = 0;
        for aged in &found {
            while cut(core, aged).await? {
                cuts += 1;
                if cuts >= CUTS {
                    // The same log comes first in the next step.
                    return Ok(true);
                }
            }
            self.after = Some(aged.log);
        }
        self.after = end;
        Ok(end.is_some())
    }
}

/// Cuts off what is too old of a log, a part of it at once; says whether there may be more.
async fn cut(core: &Core, aged: &Aged) -> Result<bool, StorageError> {
    let kept = match aged.retention {
        0 => core.policy.history,
        // A chat keeps less than the server, never more.
        seconds => Duration::from_secs(seconds).min(core.policy.history),
    };
    let before = ago(core.now(), kept);
    if aged.oldest > before.day() {
        return Ok(false);
    }
    // A key is used for a while after it came: as long as that, what it opens may be younger than it is.
    let key_life = KEY_LIFE.min(kept / 2) + DAY;
    let cut = Cut {
        log: aged.log,
        kind: aged.kind,
        before,
        keys_from: ago(before, key_life).day(),
        limit: EVENTS,
    };
    let tx = core.store.db.begin().await?;
    let gone = retention::prune(&tx, &core.store.keys, &cut).await?;
    tx.commit().await?;
    if gone > 0 {
        forget_log(core, aged.log);
    }
    Ok(gone >= EVENTS)
}

fn ago(moment: Timestamp, time: Duration) -> Timestamp {
    let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(moment.millis().saturating_sub(time))
}
