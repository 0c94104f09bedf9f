//! Calls: what may happen in one, and what comes of it. Pure: whoever keeps a call applies events to it and keeps what
//! comes out; who asks second finds what the first has made of it.

mod direct;
mod group;
mod id;
mod quality;
#[cfg(test)]
mod tests;

pub use direct::{CallEvent, CallRefusal, CallState, DirectCall, EndReason, Party, Side, Step};
pub use group::{GroupCall, Joined, Joining, MAX_GROUP_CALL};
pub use id::CallId;
pub use quality::{CallQuality, CandidateType, InvalidQuality};

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A call that goes on for longer is ended: nobody talks for so long, but a client that was forgotten does.
pub const LONGEST_CALL: Duration = Duration::from_hours(12);

/// What is in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// Voices.
    #[default]
    Audio,
    /// Voices and pictures.
    Video,
}
