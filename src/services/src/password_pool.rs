//! Password hashing off the event loop. Each hash takes tens of milliseconds of a whole core and 19 MiB, so
//! only so many run at once and only so many wait: a storm of logins slows logins down, not messages.

use std::sync::Arc;

use melo_crypto::{PasswordHasher, Verdict};
use melo_domain::Secret;
use tokio::sync::Semaphore;

use crate::Fault;

/// Hashes waiting for their turn, at most.
const MAX_WAITING: usize = 256;

pub(crate) struct PasswordPool {
    hasher: Arc<PasswordHasher>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// No hash was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    #[error("too many logins at once")]
    Busy,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl PasswordPool {
    pub(crate) fn new(hasher: PasswordHasher) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            hasher: Arc::new(hasher),
            // Half of the cores stay free for everything else.
            running: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PasswordHasher) -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| PoolError::Busy)?;
        let turn = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Fault::Task)?;
        let hasher = Arc::clone(&self.hasher);
        let task = tokio::task::spawn_blocking(move || {
            // Held to the end of the work even when the caller has gone away.
            let _held = (place, turn);
            work(&hasher)
        });
        Ok(task.await.map_err(|_| Fault::Task)?)
    }

    pub(crate) async fn hash(&self, password: Secret) -> Result<String, PoolError> {
        let hash = self.run(move |hasher| hasher.hash(&password)).await?;
        Ok(hash.map_err(Fault::from)?)
    }

    /// Compares with a stored hash; without one the same work is done and the answer is `Wrong`.
    pub(crate) async fn verify(
        &self,
        password: Secret,
        stored: Option<String>,
    ) -> Result<Verdict, PoolError> {
        let verdict = self
            .run(move |hasher| {
                if let Some(stored) = stored {
                    return hasher.verify(&password, &stored);
                }
                hasher.verify_absent(&password);
                Ok(Verdict::Wrong)
            })
            .await?;
        Ok(verdict.map_err(Fault::from)?)
    }
}
