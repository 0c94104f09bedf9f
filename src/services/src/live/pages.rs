//! Pages of logs, read once for all connections of this node that miss them at the same time.

use std::sync::Arc;

use melo_domain::{LogId, LogKind, Seq};
use melo_realtime::{LiveEvent, Recent};
use melo_storage::{StorageError, Store, events};
use tokio::sync::Mutex;

/// Bytes of messages in one page, so that a backlog of large ones is not held in memory as a whole.
const PAGE_BYTES: usize = 1 << 20;
/// So many logs are read at once at most. Logs share the doors; who waits behind another log's reader only waits.
const DOORS: usize = 64;

/// What is remembered, and the doors to what is not.
pub(crate) struct Pages {
    recent: Arc<Recent>,
    doors: [Mutex<()>; DOORS],
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            recent: Arc::default(),
            doors: std::array::from_fn(|_| Mutex::new(())),
        }
    }
}

impl Pages {
    /// The memory, to be told what happens.
    pub(crate) fn recent(&self) -> &Arc<Recent> {
        &self.recent
    }

    /// Some of the events after `sent`, oldest first; empty only if the database had none. They may begin later than
    /// right after `sent`, where events are gone. The log may go on behind them.
    pub(crate) async fn after(
        &self,
        store: &Store,
        log: LogId,
        kind: LogKind,
        sent: Seq,
    ) -> Result<Vec<Arc<LiveEvent>>, StorageError> {
        if let Ok(events) = self.recent.after(log, sent, PAGE_BYTES) {
            return Ok(events);
        }
        let door = log.to_i64().unsigned_abs() % DOORS as u64;
        let door = usize::try_from(door).ok().and_then(|n| self.doors.get(n));
        let _turn = match door {
            Some(door) => Some(door.lock().await),
            None => None,
        };
        // Whoever was in front may have read it.
        let missing = match self.recent.after(log, sent, PAGE_BYTES) {
            Ok(events) => return Ok(events),
            Err(missing) => missing,
        };
        let (db, keys) = (store.db.read(), &store.keys);
        let page = events::after(db, keys, log, sent, missing.limit, PAGE_BYTES).await?;
        let events: Vec<_> = page
            .events
            .into_iter()
            .map(|event| Arc::new(LiveEvent::new(event, kind)))
            .collect();
        if events.first().is_some_and(|e| e.event().seq == sent + 1) {
            self.recent.remember(missing, &events);
        }
        Ok(events)
    }
}
