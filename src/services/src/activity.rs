//! When sessions were last used, on its way to the database: to the minute, written in batches.

use std::collections::HashMap;
use std::time::Duration;

use melo_domain::{SessionId, Timestamp};
use melo_storage::{StorageError, Store, sessions};
use parking_lot::Mutex;

/// A session's use is noted this often at most.
const EVERY: Duration = Duration::from_secs(60);

/// Bounded by its use: one entry a session, and every flush takes all away.
pub(crate) struct Activity {
    /// Sessions whose use was noted a moment ago.
    noted: moka::sync::Cache<SessionId, Timestamp>,
    dirty: Mutex<HashMap<SessionId, Timestamp>>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            noted: moka::sync::Cache::builder()
                .max_capacity(1_000_000)
                .time_to_live(EVERY)
                .build(),
            dirty: Mutex::default(),
        }
    }
}

impl Activity {
    /// The session is being used.
    pub(crate) fn note(&self, session: SessionId, now: Timestamp) {
        if !self.noted.contains_key(&session) {
            self.noted.insert(session, now);
            self.dirty.lock().insert(session, now);
        }
    }

    /// What is known beyond the database's row.
    pub(crate) fn newest(&self, session: SessionId, stored: Timestamp) -> Timestamp {
        self.noted.get(&session).map_or(stored, |at| at.max(stored))
    }

    /// Writes all of it. What could not be written is a minute that nobody misses.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StorageError> {
        let taken: Vec<_> = std::mem::take(&mut *self.dirty.lock())
            .into_iter()
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        sessions::save_activity(store.db.write(), &store.keys, &taken).await
    }
}
