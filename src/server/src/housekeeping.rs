//! Small periodic work of this process: positions, the write-ahead log, key usage, expired entries.

use std::sync::Arc;
use std::time::Duration;

use melo_crypto::{KeyringError, RootKey};
use melo_domain::Clock;
use melo_ephemeral::InProcess;
use melo_services::retention::{self, Pruning};
use melo_services::{Core, calls, presence, receipts, typing};
use melo_storage::{StorageError, Store, data_keys};

use crate::keys::JwtWatch;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// Acknowledged positions reach the disk this soon; a crash repeats what was delivered since.
const POSITIONS: Duration = Duration::from_secs(1);
/// The write-ahead log is folded back this often.
const CHECKPOINT: Duration = Duration::from_secs(2);
/// How often the keys' use is written down.
const KEY_USAGE: Duration = Duration::from_secs(30);
/// More than any server seals between two writes of the count.
const SEALS_AHEAD: u64 = 4_000_000;
/// Expired short-lived entries are dropped this often.
const SWEEP: Duration = Duration::from_mins(1);

/// Changes of presence are looked at, and writing that is over is taken back, this often.
const PRESENCE: Duration = Duration::from_secs(1);
/// Calls whose time may be over are looked at this often.
const CALLS: Duration = Duration::from_secs(1);
/// This node's word about who is connected is renewed this often: three times before it runs out.
const LEASES: Duration = Duration::from_secs(20);

/// Messages whose time is over lose their content this soon.
const EXPIRED: Duration = Duration::from_secs(1);
/// Batches of those in one turn.
const EXPIRED_BATCHES: u32 = 5;
/// Receipts of chats are gathered for so long.
const RECEIPTS: Duration = Duration::from_millis(500);
/// A step through the logs, for events that are too old.
const PRUNING: Duration = Duration::from_secs(2);
/// Between two passes through all logs.
const PRUNING_REST: Duration = Duration::from_secs(1800);

/// The files of the JWT keys are looked at this often.
const JWT_KEYS: Duration = Duration::from_secs(5);

/// What the housekeeping works on.
pub struct Housekeeping {
    /// Use cases.
    pub core: Arc<Core>,
    /// Rows and keys.
    pub store: Store,
    /// Wraps new data keys.
    pub root: RootKey,
    /// Short-lived entries.
    pub ephemeral: Arc<InProcess>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The files of the JWT keys.
    pub jwt: JwtWatch,
}

impl Housekeeping {
    /// Works until `stop` changes, then writes everything down a last time.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut positions = every(POSITIONS);
        let mut checkpoint = every(CHECKPOINT);
        let mut usage = every(KEY_USAGE);
        let mut sweep = every(SWEEP);
        let mut jwt = every(JWT_KEYS);
        let mut presences = every(PRESENCE);
        let mut leases = every(LEASES);
        let mut due_calls = every(CALLS);
        let mut expired = every(EXPIRED);
        let mut gathered = every(RECEIPTS);
        let mut pruning = every(PRUNING);
        let mut pass = Pruning::default();
        loop {
            tokio::select! {
                _ = stop.changed() => break,
                _ = positions.tick() => report("positions", self.core.flush().await),
                _ = checkpoint.tick() => report("checkpoint", self.store.db.checkpoint().await),
                _ = usage.tick() => {
                    report("key usage", self.save_usage(SEALS_AHEAD).await);
                    if let Err(error) = self.renew_keys().await {
                        tracing::error!(%error, "housekeeping: data keys could not be renewed");
                    }
                }
                _ = sweep.tick() => {
                    self.ephemeral.sweep();
                    report("replaced tokens", self.core.forget_replaced_tokens().await);
                }
                _ = presences.tick() => {
                    report("presence", presence::tick(&self.core).await);
                    report("typing", typing::tick(&self.core).await);
                }
                _ = due_calls.tick() => report("calls", calls::tick(&self.core).await),
                _ = leases.tick() => report("leases", presence::renew(&self.core).await),
                _ = expired.tick() => report("expired messages", self.sweep_expired().await),
                _ = gathered.tick() => report("receipts", receipts::flush(&self.core).await),
                _ = pruning.tick() => match pass.step(&self.core).await {
                    Ok(true) => {}
                    Ok(false) => pruning.reset_after(PRUNING_REST),
                    Err(error) => report("old events", Err(error)),
                },
                _ = jwt.tick() => self.take_over_jwt_keys(),
            }
        }
        report("positions", self.core.flush().await);
        report("key usage", self.save_usage(0).await);
    }

    /// A few batches: when many end at once, the next turns go on.
    async fn sweep_expired(&self) -> Result<(), StorageError> {
        for _ in 0..EXPIRED_BATCHES {
            if !retention::sweep_expired(&self.core).await? {
                break;
            }
        }
        Ok(())
    }

    fn take_over_jwt_keys(&mut self) {
        match self.jwt.look() {
            None => {}
            Some(Ok(keys)) => {
                if self
                    .core
                    .jwks()
                    .first()
                    .is_none_or(|jwk| jwk.kid != keys.kid())
                {
                    tracing::info!(kid = keys.kid(), "new key for access tokens");
                }
                self.core.replace_jwt(keys);
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the new JWT key cannot be used; the old one stays");
            }
        }
    }

    async fn save_usage(&self, ahead: u64) -> Result<(), StorageError> {
        data_keys::save_usage(self.store.db.write(), &self.store.keys.usage(), ahead).await
    }

    /// Makes a new current key for every purpose whose key is old or much used. Values under the old one
    /// stay readable.
    async fn renew_keys(&self) -> Result<(), RenewError> {
        let now = self.clock.now();
        for purpose in self.store.keys.due(now) {
            let tx = self.store.db.begin().await?;
            let stored = data_keys::all(&tx).await?;
            let id = stored.iter().map(|key| key.id).max().unwrap_or(0) + 1;
            let key = self.root.wrap_new(id, purpose, now);
            data_keys::insert_current(&tx, &key).await?;
            tx.commit().await.map_err(StorageError::from)?;
            self.store.keys.add(&self.root, key)?;
            tracing::info!(?purpose, id, "new data key");
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum RenewError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn report(what: &'static str, done: Result<(), impl std::fmt::Display>) {
    if let Err(error) = done {
        tracing::error!(what, %error, "housekeeping failed; it is tried again");
    }
}
