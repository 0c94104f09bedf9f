//! Queued and scheduled work. The queue itself is rows of the database; here is the worker that empties it.

mod attempt;
mod worker;

pub use attempt::Gateways;
pub use worker::Worker;
