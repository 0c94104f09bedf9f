//! Whether somebody is kept out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use melo_crypto::BlindIndex;
use melo_domain::{Banned, Timestamp};
use melo_storage::{StorageError, bans};
use moka::sync::Cache;
use tokio::sync::Mutex;

use crate::Core;

/// How long a ban made elsewhere may stay unknown here.
const REMEMBERED: Duration = Duration::from_secs(10);

type Standing = HashMap<BlindIndex, Option<Timestamp>>;

/// All bans, as blind indexes and ends: small, and asked at every registration and login. A storm of those
/// costs one query in ten seconds.
pub(crate) struct BanMemory {
    standing: Cache<(), Arc<Standing>>,
    /// Held while the rows are read, and while what was read is forgotten, so that nobody puts back what was
    /// true before a change.
    reading: Mutex<()>,
}

impl Default for BanMemory {
    fn default() -> Self {
        Self {
            standing: Cache::builder()
                .max_capacity(1)
                .time_to_live(REMEMBERED)
                .build(),
            reading: Mutex::default(),
        }
    }
}

impl BanMemory {
    /// The next check reads the rows again.
    pub(super) async fn forget(&self) {
        let _reading = self.reading.lock().await;
        self.standing.invalidate(&());
    }

    async fn get(&self, core: &Core) -> Result<Arc<Standing>, StorageError> {
        if let Some(standing) = self.standing.get(&()) {
            return Ok(standing);
        }
        let _reading = self.reading.lock().await;
        // Whoever held it before has read them already.
        if let Some(standing) = self.standing.get(&()) {
            return Ok(standing);
        }
        let rows = bans::standing(core.store.db.read(), &core.store.keys).await?;
        let standing: Arc<Standing> = Arc::new(rows.into_iter().collect());
        self.standing.insert((), Arc::clone(&standing));
        Ok(standing)
    }
}

/// Whether any of these is banned at this moment.
pub(crate) async fn check(core: &Core, suspects: &[Banned]) -> Result<bool, StorageError> {
    let standing = core.bans.get(core).await?;
    if standing.is_empty() {
        return Ok(false);
    }
    let now = core.now();
    Ok(suspects.iter().any(|suspect| {
        let ban = standing.get(&bans::index_of(&core.store.keys, suspect));
        ban.is_some_and(|expires| expires.is_none_or(|expires| expires > now))
    }))
}
