//! Queued and scheduled work. The queue itself is rows of the database; here is the worker that empties it.

mod attempt;
mod timetable;
mod worker;

pub use attempt::Gateways;
pub use timetable::Timetable;
pub use tokio_cron_scheduler::JobSchedulerError;
pub use worker::Worker;
