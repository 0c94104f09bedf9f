//! When people were last there, on its way to the database: merged by person, written in batches.

use std::collections::HashMap;
use std::time::Duration;

use melo_domain::{Timestamp, Uid};
use melo_storage::{StorageError, Store, presence};
use parking_lot::Mutex;

use crate::Core;

/// How long a moment that was read is remembered, so that a ping does not ask the database.
const KNOWN_FOR: Duration = Duration::from_secs(30);

/// Bounded by its use: one entry a person, and every flush takes away what it wrote.
pub(super) struct Seen {
    dirty: Mutex<HashMap<Uid, Timestamp>>,
    known: moka::sync::Cache<Uid, Option<Timestamp>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            dirty: Mutex::default(),
            known: moka::sync::Cache::builder()
                .max_capacity(200_000)
                .time_to_live(KNOWN_FOR)
                .build(),
        }
    }
}

impl Seen {
    /// They are there at this moment.
    pub(super) fn note(&self, uid: Uid, now: Timestamp) {
        self.dirty.lock().insert(uid, now);
        self.known.insert(uid, Some(now));
    }

    /// Writes all of it. What could not be written is kept for the next time.
    pub(super) async fn flush(&self, store: &Store) -> Result<(), StorageError> {
        let taken: Vec<(Uid, Timestamp)> = {
            let dirty = self.dirty.lock();
            dirty.iter().map(|(uid, at)| (*uid, *at)).collect()
        };
        if taken.is_empty() {
            return Ok(());
        }
        let tx = store.db.begin().await?;
        presence::save(&tx, &store.keys, &taken).await?;
        tx.commit().await.map_err(StorageError::from)?;
        let mut dirty = self.dirty.lock();
        for (uid, at) in taken {
            if dirty.get(&uid) == Some(&at) {
                dirty.remove(&uid);
            }
        }
        Ok(())
    }
}

/// When these people were last there, as it was noted; in one query at most.
pub(super) async fn last_seen(
    core: &Core,
    uids: &[Uid],
) -> Result<HashMap<Uid, Timestamp>, StorageError> {
    let seen = &core.presence.seen;
    let mut found = HashMap::with_capacity(uids.len());
    let mut unknown = Vec::new();
    for uid in uids {
        let noted = seen.dirty.lock().get(uid).copied();
        match noted.map(Some).or_else(|| seen.known.get(uid)) {
            Some(at) => {
                found.extend(at.map(|at| (*uid, at)));
            }
            None => unknown.push(*uid),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let rows = presence::last_seen(db, keys, &unknown).await?;
    for uid in unknown {
        let at = rows.get(&uid).copied();
        seen.known.insert(uid, at);
        found.extend(at.map(|at| (uid, at)));
    }
    Ok(found)
}
