//! Whether somebody is kept out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use melo_crypto::{BlindIndex, Keyring};
use melo_domain::{Banned, Timestamp};
use melo_realtime::{BusMessage, BusSubscriber};
use melo_storage::{StorageError, bans};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::ranges::{Ranges, stands};
use crate::Core;

/// How long a ban made by another process, of which no bus tells, may stay unknown here.
const REMEMBERED: Duration = Duration::from_secs(10);

/// All bans: what is one value by its blind index, ranges as they are.
#[derive(Default)]
struct Standing {
    values: HashMap<BlindIndex, Option<Timestamp>>,
    ranges: Ranges,
}

impl Standing {
    fn of(rows: Vec<bans::Standing>) -> Self {
        let mut all = Self::default();
        for ban in rows {
            match ban.range {
                Some(range) => all.ranges.insert(range, ban.expires),
                None => {
                    all.values.insert(ban.index, ban.expires);
                }
            }
        }
        all
    }

    fn has(&self, keys: &Keyring, suspect: &Banned, now: Timestamp) -> bool {
        let covered = matches!(suspect, Banned::Address(place) if self.ranges.cover(*place, now));
        let named = || {
            let ban = self.values.get(&bans::index_of(keys, suspect));
            ban.is_some_and(|ends| stands(*ends, now))
        };
        covered || !self.values.is_empty() && named()
    }
}

/// What was read, and how many changes there had been before.
type Read = (u64, Arc<Standing>);

/// All bans, asked at every registration, login, call and opening of a connection: small, and read anew only after a
/// change. A storm of logins costs one query in ten seconds.
pub(crate) struct BanMemory {
    standing: Cache<(), Read>,
    /// Counts the changes: what was read before one is not good after it.
    changes: AtomicU64,
    /// Held while the rows are read, so that one reads for all.
    reading: Mutex<()>,
}

impl Default for BanMemory {
    fn default() -> Self {
        Self {
            standing: Cache::builder()
                .max_capacity(1)
                .time_to_live(REMEMBERED)
                .build(),
            changes: AtomicU64::default(),
            reading: Mutex::default(),
        }
    }
}

impl BanMemory {
    fn known(&self) -> Option<Arc<Standing>> {
        let (changes, standing) = self.standing.get(&())?;
        (changes == self.changes.load(Ordering::SeqCst)).then_some(standing)
    }

    async fn get(&self, core: &Core) -> Result<Arc<Standing>, StorageError> {
        if let Some(standing) = self.known() {
            return Ok(standing);
        }
        let _reading = self.reading.lock().await;
        // Whoever held it before has read them already.
        if let Some(standing) = self.known() {
            return Ok(standing);
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let rows = bans::standing(core.store.db.read(), &core.store.keys).await?;
        let standing = Arc::new(Standing::of(rows));
        self.standing.insert((), (changes, Arc::clone(&standing)));
        Ok(standing)
    }
}

/// Takes over from the bus that bans were made or lifted, on this node or another: the next check reads the rows.
pub(crate) struct BanWatch(pub Arc<BanMemory>);

impl BusSubscriber for BanWatch {
    fn receive(&self, message: &BusMessage) {
        if let BusMessage::BansChanged = message {
            self.0.changes.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Whether any of these is banned at this moment.
pub(crate) async fn check(core: &Core, suspects: &[Banned]) -> Result<bool, StorageError> {
    let (standing, now) = (core.bans.get(core).await?, core.now());
    let banned = |suspect| standing.has(&core.store.keys, suspect, now);
    Ok(suspects.iter().any(banned))
}

/// Whether nobody may call or be connected from this address. A connection asks once it can be found and closed: a
/// ban that came before that moment must not be missed.
pub async fn bars(core: &Core, address: IpAddr) -> Result<bool, StorageError> {
    check(core, &[Banned::address(address)]).await
}
