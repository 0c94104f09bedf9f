//! What is to happen at certain times. The timetable only gives the beat: what is due is asked of the rows and the
//! server's clock, so that a beat that was missed, or came twice, changes nothing.

use std::sync::{Arc, Weak};

use melo_services::{Core, schedule};
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Every second.
const DUE_MESSAGES: &str = "* * * * * *";

/// A running timetable. It needs a runtime with more than one thread.
pub struct Timetable(JobScheduler);

impl Timetable {
    /// Starts it. It does not keep the core alive.
    pub async fn start(core: &Arc<Core>) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let core = Arc::downgrade(core);
        let turn = Arc::new(Mutex::new(()));
        let job = Job::new_async(DUE_MESSAGES, move |_, _| {
            Box::pin(enqueue_due(Weak::clone(&core), Arc::clone(&turn)))
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        Ok(Self(scheduler))
    }

    /// Ends it.
    pub async fn stop(mut self) {
        if let Err(error) = self.0.shutdown().await {
            tracing::warn!(%error, "the timetable could not be stopped");
        }
    }
}

async fn enqueue_due(core: Weak<Core>, turn: Arc<Mutex<()>>) {
    // A beat that comes while the one before it is still at work has nothing to add.
    let (Some(core), Ok(_turn)) = (core.upgrade(), turn.try_lock()) else {
        return;
    };
    if let Err(error) = schedule::enqueue_due(&core).await {
        tracing::error!(%error, "scheduled messages could not be looked through; it is tried again");
    }
}
