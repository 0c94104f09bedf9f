//! Who is writing where: told live, kept for ten seconds, never written down.

mod audience;
mod expire;
mod start;
mod stop;

pub use expire::tick;
pub use start::start;
pub use stop::{stop, stop_all};

use std::collections::HashMap;
use std::sync::Arc;

use melo_domain::{ChatId, Timestamp, Uid};
use melo_ephemeral::EphemeralError;
use melo_protocol::frame::{TypingChange, TypingFrame};
use melo_realtime::BusMessage;
use melo_storage::StorageError;
use parking_lot::Mutex;

use crate::fault::faults;
use crate::messages::{Destination, MessageError};
use crate::{Core, Fault, LimitError};

/// People who are writing, as this node was told, at most.
const MOST: usize = 50_000;

/// What this node has told and will take back.
#[derive(Default)]
pub(crate) struct Writing {
    ongoing: Mutex<HashMap<(Uid, Destination), Ongoing>>,
}

/// Somebody is writing.
#[derive(Debug, Clone)]
struct Ongoing {
    /// Who was told.
    audience: Arc<[Uid]>,
    /// When they were told last.
    told: Timestamp,
    /// When it is over by itself.
    until: Timestamp,
}

/// Why a call about writing was refused.
#[derive(Debug, thiserror::Error)]
pub enum TypingError {
    /// As a message would be.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(TypingError: StorageError, EphemeralError);

impl From<LimitError> for TypingError {
    fn from(error: LimitError) -> Self {
        Self::Message(error.into())
    }
}

/// Tells those people that `uid` writes there, or no longer.
fn tell(core: &Core, uid: Uid, place: Destination, audience: &Arc<[Uid]>, change: TypingChange) {
    let frame = TypingFrame {
        change,
        user_id: uid,
        chat_id: match place {
            Destination::Person(_) => None,
            Destination::Chat(log) => Some(ChatId(log)),
        },
        timestamp: core.now(),
    };
    // A struct of plain fields always serialises.
    if let Ok(text) = serde_json::to_string(&frame) {
        core.bus.publish(BusMessage::ToUsers {
            uids: Arc::clone(audience),
            frame: text.into(),
        });
    }
}
