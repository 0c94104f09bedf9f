//! Messages that are to be sent later. Each is a sealed row; when it is due it becomes a job of the queue, and whoever
//! takes that job sends the message as its author would, with the author's rights of that moment (docs/adr/0054).

mod cancel;
mod deliver;
mod enqueue;
mod list;
mod message;
mod refusal;

pub use cancel::cancel;
pub use deliver::{Undelivered, deliver};
pub use enqueue::{enqueue_due, give_up_stuck};
pub use list::{find, list};
pub use melo_storage::scheduled::Scheduled;
pub use message::{ScheduleInput, schedule};

use melo_domain::ScheduleId;
use melo_storage::StorageError;
use uuid::Uuid;

use crate::Fault;
use crate::fault::faults;
use crate::messages::MessageError;

/// Messages of one person that may wait.
pub const MAX_PENDING: u64 = 100;
/// How far ahead, in days.
pub const MAX_DAYS_AHEAD: u64 = 366;

/// Why a call about scheduled messages was refused.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Too late, or too far ahead.
    #[error("when must be in the future, a year ahead at most")]
    When,
    /// Enough of them wait.
    #[error("you have as many scheduled messages as may wait; cancel one first")]
    TooMany,
    /// There is none, or it is being delivered.
    #[error("there is no such scheduled message; it may have been sent")]
    NotFound,
    /// It could not be sent now either.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(ScheduleError: StorageError);

/// The `client_id` of the message that it becomes: a UUID version 8 (RFC 9562, section 5.8) around the id, always the
/// same, so that the message is sent once, whatever happens in between.
pub fn message_client_id(id: ScheduleId) -> Uuid {
    let mut bytes = *b"......m.s.chedul";
    // All but the bytes that hold version and variant.
    let free = [0, 1, 2, 3, 4, 5, 7, 9];
    for (place, byte) in free.into_iter().zip(id.to_i64().to_be_bytes()) {
        if let Some(slot) = bytes.get_mut(place) {
            *slot = byte;
        }
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheduled_message_has_an_id_of_its_own() {
        let of = |n: i64| message_client_id(ScheduleId::from_i64(n).unwrap());
        assert_eq!(
            of(0x0102_0304_0506_0708).to_string(),
            "01020304-0506-8d07-b308-63686564756c"
        );
        let mut all: Vec<Uuid> = (0..63).map(|bit| of(1 << bit)).collect();
        all.dedup();
        assert_eq!(all.len(), 63, "no bit is lost");
    }
}
