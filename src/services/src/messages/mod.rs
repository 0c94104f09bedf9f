//! Messages, in conversations of two and of several.

mod acknowledge;
mod change;
mod devices;
mod disappearing;
mod earlier;
mod history;
mod past;
mod pinned;
pub(crate) mod route;
mod send;

pub use acknowledge::Progress;
pub(crate) use acknowledge::acknowledge;
pub(crate) use acknowledge::peer_of;
pub use change::{Change, ChangeInput, MAX_REACTION_BYTES, change};
pub(crate) use devices::published;
pub use disappearing::set_disappearing;
pub(crate) use history::kid_of;
pub use history::{HistoryPage, HistorySlice, history, history_from};
pub use melo_storage::history::Direction;
pub use past::{Edited, Past, Reacted, Reaction};
pub use pinned::{Pinned, PinnedMessages, pinned};
pub use route::Destination;
pub(crate) use route::direct as direct_route;
pub use send::{Accepted, RelayedInput, SendInput, relay_frame, send, spend_rest_send};
pub(crate) use send::{check, send_sealed_before};

use melo_protocol::EnvelopeError;
use melo_storage::{AppendError, StorageError};

use crate::chats::ChatError;
use crate::fault::faults;
use crate::{Fault, LimitError};

/// Why a message call was refused.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Oneself.
    #[error("you cannot write to yourself")]
    SelfTarget,
    /// The two are not contacts.
    #[error("you can write to accepted contacts only; send a contact request first")]
    NotAContact,
    /// The sender has blocked the recipient.
    #[error("you have blocked this person; unblock them first")]
    Blocked,
    /// The payload is longer than 1 MiB.
    #[error("the message is longer than 1 MiB")]
    TooLarge,
    /// An envelope that cannot be routed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// An envelope for a direct conversation must carry its keys.
    #[error("a direct message's envelope must carry keys, one for each device")]
    KeysMissing,
    /// The recipient reads no envelopes yet.
    #[error("this person has published no device keys; use the form of existing clients")]
    NoDevices,
    /// The envelope is not for exactly the current devices.
    #[error("the recipients' devices have changed; fetch /keys of both and encrypt again")]
    DeviceMismatch {
        /// Key ids that are not there.
        missing: Vec<String>,
        /// Key ids that belong to nobody.
        extra: Vec<String>,
    },
    /// The id was used in another conversation.
    #[error("this client_id was used for another conversation; make a new one")]
    ClientIdReused,
    /// The sender is not in the chat.
    #[error("you are not a member of this chat")]
    NotAMember,
    /// The envelope is sealed under a key from before somebody was removed, or one that is too old.
    #[error("the chat's key is out of date; make a new one and encrypt again")]
    StaleKey,
    /// The chat refused.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// Somebody else wrote it.
    #[error("only who wrote a message may do this to it")]
    NotTheAuthor,
    /// The message was edited or reacted to as often as it may be, or enough messages are pinned.
    #[error("there are as many changes of this kind as there may be")]
    TooManyChanges,
    /// The device that was to send it has no session any more.
    #[error("the device is signed out")]
    SignedOut,
    /// A reaction in plain that is more than a few letters.
    #[error("reaction must be at most 64 bytes long")]
    ReactionTooLong,
    /// The person has drafts in as many conversations as may be.
    #[error("you have drafts in as many conversations as you may; send or clear one first")]
    TooManyDrafts,
    /// The event is not one of a log the caller is in.
    #[error("there is no such message in your conversations")]
    NotFound,
    /// The server stops.
    #[error("the server is stopping; reconnect and send again")]
    Stopping,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The log writer could not commit; the cause is logged there.
    #[error("the message was not stored")]
    NotStored,
}

faults!(MessageError: StorageError);

impl From<LimitError> for MessageError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<AppendError> for MessageError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::ClientIdReused => Self::ClientIdReused,
            AppendError::NotMember => Self::NotAMember,
            AppendError::StaleKey => Self::StaleKey,
            AppendError::TargetGone => Self::NotFound,
            AppendError::Storage => Self::NotStored,
            AppendError::Stopped => Self::Stopping,
        }
    }
}
