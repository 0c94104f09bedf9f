//! Takes jobs as they come, a few at once.

use std::sync::Arc;
use std::time::Duration;

use melo_services::queue::{self, Claim};
use melo_services::{Core, outgoing, schedule};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::attempt::{Gateways, attempt};

/// Jobs at once: providers are slow, and this server has other things to do.
const AT_ONCE: usize = 8;
/// How often the queue is looked at without being told of a job: retries, jobs of dead workers.
const POLL: Duration = Duration::from_secs(1);
/// How often expired rows are removed.
const SWEEP: Duration = Duration::from_secs(3600);
/// How long running jobs may take when the server stops; what is not done by then is tried again after the
/// next start.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The worker of one process. Any number of them may share a database.
pub struct Worker {
    /// Use cases.
    pub core: Arc<Core>,
    /// The ways out.
    pub gateways: Arc<Gateways>,
}

impl Worker {
    /// Works until `stop` changes, then lets what runs come to its end.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let new_jobs = self.core.jobs();
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                _ = stop.changed() => break,
                _ = sweep.tick() => self.sweep().await,
                () = new_jobs.notified() => self.fill(&mut running).await,
                _ = poll.tick() => self.fill(&mut running).await,
                Some(_) = running.join_next() => self.fill(&mut running).await,
            }
        }
        let ended = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!("jobs were still running; they are tried again after the next start");
        }
    }

    /// Takes as many jobs as there is room for.
    async fn fill(&self, running: &mut JoinSet<()>) {
        let room = AT_ONCE.saturating_sub(running.len());
        if room == 0 {
            return;
        }
        match queue::claim(&self.core, u64::try_from(room).unwrap_or(1)).await {
            Ok(claims) => {
                for claim in claims {
                    self.start(claim, running);
                }
            }
            Err(error) => tracing::error!(%error, "the queue could not be read; it is tried again"),
        }
    }

    fn start(&self, claim: Claim, running: &mut JoinSet<()>) {
        let (core, gateways) = (Arc::clone(&self.core), Arc::clone(&self.gateways));
        running.spawn(async move { attempt(&core, &gateways, &claim).await });
    }

    async fn sweep(&self) {
        if let Err(error) = outgoing::sweep(&self.core).await {
            tracing::error!(%error, "expired rows could not be removed; it is tried again");
        }
        if let Err(error) = schedule::give_up_stuck(&self.core).await {
            tracing::error!(%error, "scheduled messages could not be looked through; it is tried again");
        }
    }
}
