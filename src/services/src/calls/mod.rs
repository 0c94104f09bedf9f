//! Calls: who rings whom, who answers, and what they tell each other on the way. A call is a value of the short-lived
//! store that several change at once, each by saying what they have seen of it ([`store`]); what it means is decided
//! by the state machines of the domain. Nothing of it is in a node's memory but the figures.

mod accept;
mod active;
mod announce;
mod attend;
mod connect;
mod end;
mod expire;
mod figures;
mod finish;
mod forward;
mod group;
mod quality;
mod reject;
mod signal;
mod slots;
mod start;
mod store;
mod transfer;
mod wake;
mod welcome;

pub use accept::accept;
pub use active::{ActiveCall, active, active_in};
pub use attend::{attend, left};
pub use connect::connect;
pub use end::end;
pub use expire::tick;
pub use figures::{CallFigures, Histogram};
pub use group::{join, speak};
pub use quality::report_quality;
pub use reject::reject;
pub use signal::signal;
pub use start::start;
pub use transfer::transfer;
pub use wake::CallWakeUp;
pub use welcome::{Welcome, welcome};

pub(crate) use figures::CallMeters;

use std::time::Duration;

use melo_domain::{CallId, CallRefusal};
use melo_ephemeral::EphemeralError;
use melo_protocol::EnvelopeError;
use melo_storage::StorageError;

use crate::chats::ChatError;
use crate::fault::faults;
use crate::messages::MessageError;
use crate::{Fault, LimitError};

/// For how long things take their time in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRules {
    /// A call rings for this long.
    pub ring: Duration,
    /// A device that was not heard of for this long is out of its call.
    pub lost: Duration,
}

impl Default for CallRules {
    fn default() -> Self {
        Self {
            ring: Duration::from_secs(45),
            lost: Duration::from_secs(30),
        }
    }
}

impl CallRules {
    /// How often a device in a call shows that it is there.
    pub fn beat(self) -> Duration {
        self.lost / 3
    }
}

/// What came of a frame.
#[derive(Debug, Default)]
pub struct Done {
    /// The call that the device is in from now on: its connection says so from time to time ([`attend`]).
    pub attends: Option<CallId>,
    /// For the one who sent it, if they want to know.
    pub answer: Option<String>,
}

/// Why a frame about a call was refused.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// As a message would be.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The call does not allow it.
    #[error(transparent)]
    Refused(#[from] CallRefusal),
    /// No such call, or the caller has nothing to do with it.
    #[error("there is no such call")]
    NotFound,
    /// The id is another call's.
    #[error("this call_id was used for another call; make a new one")]
    IdTaken,
    /// The caller is in another call.
    #[error("you are in another call; hang up first")]
    InCall,
    /// A chat's call has as many people as there may be.
    #[error("this call has as many people as there may be")]
    Full,
    /// Within a chat's call it must be said for whom a frame is.
    #[error("within a chat's call target and device must be given")]
    AddressNeeded,
    /// A call of a chat is joined, not accepted; and of two people not joined.
    #[error("calls of this kind have no such frame")]
    WrongKind,
    /// Others kept changing it.
    #[error("the call changed too often at this moment; try again")]
    Contended,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(CallError: StorageError, EphemeralError);

impl From<LimitError> for CallError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<EnvelopeError> for CallError {
    fn from(error: EnvelopeError) -> Self {
        Self::Message(error.into())
    }
}

impl From<ChatError> for CallError {
    fn from(error: ChatError) -> Self {
        Self::Message(error.into())
    }
}
