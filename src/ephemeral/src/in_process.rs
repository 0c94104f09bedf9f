//! Entries in this process's memory: bounded, gone with the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use melo_domain::{Clock, Timestamp};
use parking_lot::Mutex;

use crate::backend::{Attempts, Backend, BackendError};

/// Entries at most. Reached only under attack; then what has expired goes first.
const MAX_ENTRIES: usize = 200_000;

#[derive(Debug)]
struct Entry {
    value: Vec<u8>,
    count: u64,
    expires: Timestamp,
}

/// The in-process store.
pub struct InProcess {
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<String, Entry>>,
}

impl InProcess {
    /// An empty store on that clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            entries: Mutex::default(),
        }
    }

    /// Drops what has expired. Called now and then, so that memory follows use.
    pub fn sweep(&self) {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.expires > now);
        if entries.len() < entries.capacity() / 4 {
            entries.shrink_to_fit();
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, Entry>, Timestamp) -> T) -> T {
        act(&mut self.entries.lock(), self.clock.now())
    }
}

fn make_room(entries: &mut HashMap<String, Entry>, now: Timestamp) -> Result<(), BackendError> {
    if entries.len() >= MAX_ENTRIES {
        entries.retain(|_, entry| entry.expires > now);
    }
    if entries.len() >= MAX_ENTRIES {
        Err(BackendError::Full)
    } else {
        Ok(())
    }
}

#[async_trait]
impl Backend for InProcess {
    async fn put(&self, name: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BackendError> {
        self.with(|entries, now| {
            make_room(entries, now)?;
            entries.insert(
                name.to_owned(),
                Entry {
                    value,
                    count: 0,
                    expires: now.plus(ttl),
                },
            );
            Ok(())
        })
    }

    async fn take(&self, name: &str) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.with(|entries, now| {
            entries
                .remove(name)
                .filter(|entry| entry.expires > now)
                .map(|entry| entry.value)
        }))
    }

    async fn count(&self, name: &str, window: Duration) -> Result<Attempts, BackendError> {
        self.with(|entries, now| {
            make_room(entries, now)?;
            let fresh = || Entry {
                value: Vec::new(),
                count: 0,
                expires: now.plus(window),
            };
            let entry = entries.entry(name.to_owned()).or_insert_with(fresh);
            if entry.expires <= now {
                *entry = fresh();
            }
            entry.count = entry.count.saturating_add(1);
            Ok(Attempts {
                count: entry.count,
                remaining: entry.expires.since(now),
            })
        })
    }

    async fn attempts(&self, name: &str) -> Result<Attempts, BackendError> {
        Ok(self.with(|entries, now| match entries.get(name) {
            Some(entry) if entry.expires > now => Attempts {
                count: entry.count,
                remaining: entry.expires.since(now),
            },
            _ => Attempts::default(),
        }))
    }

    async fn extend(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.with(|entries, now| {
            if let Some(entry) = entries.get_mut(name) {
                entry.expires = entry.expires.max(now.plus(ttl));
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_domain::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn store() -> (Arc<ManualClock>, InProcess) {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let store = InProcess::new(Arc::clone(&clock) as Arc<dyn Clock>);
        (clock, store)
    }

    #[tokio::test]
    async fn a_value_is_taken_once_and_expires() {
        let (clock, store) = store();
        store.put("a", vec![1], MINUTE).await.unwrap();
        assert_eq!(store.take("a").await.unwrap(), Some(vec![1]));
        assert_eq!(store.take("a").await.unwrap(), None);
        store.put("a", vec![2], MINUTE).await.unwrap();
        clock.advance(MINUTE);
        assert_eq!(store.take("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn counts_begin_again_after_the_window() {
        let (clock, store) = store();
        assert_eq!(store.count("c", MINUTE).await.unwrap().count, 1);
        clock.advance(MINUTE / 2);
        let second = store.count("c", MINUTE).await.unwrap();
        assert_eq!((second.count, second.remaining), (2, MINUTE / 2));
        clock.advance(MINUTE / 2);
        assert_eq!(store.attempts("c").await.unwrap().count, 0);
        assert_eq!(store.count("c", MINUTE).await.unwrap().count, 1);
    }

    #[tokio::test]
    async fn sweeping_forgets_only_what_is_over() {
        let (clock, store) = store();
        store.put("old", vec![], MINUTE).await.unwrap();
        clock.advance(MINUTE);
        store.put("new", vec![7], MINUTE).await.unwrap();
        store.sweep();
        assert_eq!(store.entries.lock().len(), 1);
        assert_eq!(store.take("new").await.unwrap(), Some(vec![7]));
    }
}
