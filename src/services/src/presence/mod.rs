//! Who is there. The short-lived store has one entry a person, with a lease for each connected device, for what a
//! device says of itself, and for each conversation they are writing in; what is durable is when they were last
//! there. Changes are told to contacts by a queue that gathers them first: [`announce`](self::tick).

mod announce;
mod attend;
mod declare;
mod marks;
mod seen;
mod statuses;
mod view;

pub use announce::tick;
pub(crate) use announce::{forget, note};
pub use attend::{Attendance, attend, renew};
pub use declare::declare;
pub(crate) use marks::{Mark, TYPING_LIFE, end_mark, put_mark, read};
pub use statuses::{MAX_ASKED, StatusView, statuses};
pub use view::{ContactPresence, OwnPresence, of_contacts, own, pong};

use std::collections::HashMap;
use std::time::Duration;

use melo_crypto::random;
use melo_domain::{DeviceHandle, Timestamp, Uid};
use melo_ephemeral::EphemeralError;
use melo_storage::{StorageError, Store};
use parking_lot::Mutex;

use crate::fault::faults;
use crate::{Fault, LimitError};

/// How long a node's word that somebody is connected to it counts.
const LEASE: Duration = Duration::from_secs(60);

/// What this node knows and has not told yet.
pub(crate) struct Presence {
    /// Names this process among all that serve.
    node: u64,
    /// Connections here, by device.
    here: Mutex<HashMap<(Uid, DeviceHandle), usize>>,
    changes: announce::Changes,
    seen: seen::Seen,
    /// When everybody who is connected was last noted as there.
    noted: Mutex<Timestamp>,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            node: random::u64(),
            here: Mutex::default(),
            changes: announce::Changes::default(),
            seen: seen::Seen::default(),
            noted: Mutex::default(),
        }
    }
}

impl Presence {
    /// Writes when people were last there.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StorageError> {
        self.seen.flush(store).await
    }
}

/// Why a call about who is there was refused.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// Too many looks at people who are no contacts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(PresenceError: StorageError, EphemeralError);

impl From<LimitError> for PresenceError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}
