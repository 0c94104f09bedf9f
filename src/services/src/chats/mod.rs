//! Groups and channels: chats of several people.

mod add_member;
mod avatar;
mod bans;
mod change;
mod create;
mod create_invite;
mod delete;
mod directory;
mod farewell;
mod invitations;
mod join;
mod key;
mod leave;
mod list;
mod list_invites;
mod look_up;
mod members;
mod people;
mod remove_member;
mod requests;
mod revoke_invite;
mod room;
mod set_public;
mod set_role;
mod transfer;
mod turn;
mod update;

pub use add_member::add_member;
pub use avatar::{avatar, remove_avatar, set_avatar};
pub use bans::{ban, lift_ban, list_bans};
pub use create::{Created, NewChat, create};
pub use create_invite::create_invite;
pub use delete::delete;
pub use directory::key_directory;
pub use invitations::{answer_invitation, list_invitations};
pub use join::{Entry, join};
pub use key::{KeyInput, share_key};
pub use leave::leave;
pub use list::{ChatCard, ChatsPage, list, view};
pub use list_invites::list_invites;
pub use look_up::look_up;
pub use melo_storage::chat_invites::ChatInvite;
pub use melo_storage::chat_lists::Listed;
pub use melo_storage::chats::Chat;
pub use members::{MemberCard, members};
pub use people::Addition;
pub use remove_member::remove_member;
pub use requests::{answer_request, list_requests};
pub use revoke_invite::revoke_invite;
pub use set_public::set_public;
pub use set_role::set_role;
pub use transfer::transfer;
pub use update::{ChatChange, update};

pub(crate) use change::Told;
pub(crate) use farewell::farewell;
pub(crate) use key::{KEY_LIFE, earlier_key, good_key, publish};
pub(crate) use room::{Room, RoomWatch, Rooms, changed, room, room_of};
pub(crate) use turn::take_turn;

use melo_protocol::EnvelopeError;
use melo_storage::StorageError;

use crate::avatar::AvatarError;
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
    /// No such person.
    #[error("there is no such user")]
    UserNotFound,
    /// No such invite, or it is expired or used up.
    #[error("this invite is wrong, expired or used up")]
    InviteInvalid,
    /// The person is kept out of this chat.
    #[error("this person is banned from this chat")]
    Banned,
    /// The caller has blocked the person.
    #[error("you have blocked this person; unblock them first")]
    Blocked,
    /// An owner does not leave.
    #[error("you own this chat: hand it to another member first, or delete it")]
    OwnerStays,
    /// There are as many as there may be.
    #[error("{0}")]
    LimitReached(&'static str),
    /// The chat has none.
    #[error("this chat has no picture")]
    NoPicture,
    /// A picture that cannot be used.
    #[error(transparent)]
    Avatar(#[from] AvatarError),
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
    /// A member who wrote a moment ago; the number is what is left of the pause.
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
