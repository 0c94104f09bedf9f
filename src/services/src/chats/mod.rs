//! Groups and channels: chats of several people.

mod key;
mod room;
mod turn;

pub use key::{KeyInput, share_key};
pub(crate) use key::{good_key, publish};
pub(crate) use room::{Room, RoomWatch, Rooms, changed, room_of};
pub(crate) use turn::take_turn;

use melo_protocol::EnvelopeError;
use melo_storage::StorageError;

use crate::fault::faults;
use crate::{Fault, LimitError};

/// Why a call about a chat was refused.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// There is no such chat, invite, request or member.
    #[error("there is no such chat, or you cannot see it")]
    NotFound,
    /// The caller is not in it.
    #[error("you are not a member of this chat")]
    NotAMember,
    /// The caller's role does not reach.
    #[error("your role in this chat does not allow this")]
    Forbidden,
    /// An envelope that cannot be routed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A chat's message is sealed under a key of the chat.
    #[error("in a chat an envelope names the chat's key in key_ref, and carries no keys")]
    KeyRefNeeded,
    /// A key event carries wrapped keys, and the name of what is in them.
    #[error(
        "a key envelope carries key_ref (43 characters of base64url) and keys, one for each device"
    )]
    KeysNeeded,
    /// The key is unknown, older than the last removal, or too old.
    #[error("the chat's key is out of date; make a new one and encrypt again")]
    StaleKey,
    /// The key does not reach all devices, or is wrapped for one that is none of the members'.
    #[error(
        "the members' devices have changed; fetch the chat's keys and wrap the key for those named"
    )]
    DeviceMismatch {
        /// Key ids that are not there.
        missing: Vec<String>,
        /// Key ids that belong to nobody.
        extra: Vec<String>,
    },
    /// The body is longer than a message may be.
    #[error("the message is longer than 1 MiB")]
    TooLarge,
    /// The id was used for something else.
    #[error("this client_id was used for another conversation; make a new one")]
    ClientIdReused,
    /// A member who wrote a moment ago.
    #[error("this chat is in slow mode; write again in {0} seconds")]
    SlowMode(u64),
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(ChatError: StorageError, melo_ephemeral::EphemeralError);

impl From<LimitError> for ChatError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}
