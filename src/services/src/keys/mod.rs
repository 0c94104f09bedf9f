//! The key directory: which devices a person has, each vouched for by the person's identity key.

mod fetch;
mod publish;
mod remove;

pub use fetch::{Directory, fetch};
pub use publish::{PublishInput, publish};
pub use remove::remove;

use melo_crypto::e2e::DeviceKeyError;
use melo_domain::{EventKind, LogId, Uid};
use melo_storage::{
    ConnectionTrait, NewEvent, StorageError, accounts, chat_members, contacts, events, logs,
};
use serde::Serialize;

use crate::chats::Told;
use crate::fault::faults;
use crate::notices::{self, Notice};
use crate::{Core, Fault, LimitError};

/// Why a directory call was refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A device speaks for itself only.
    #[error("a device can publish only its own keys; device must be the one of this login")]
    NotOwnDevice,
    /// The keys or the signature do not hold.
    #[error(transparent)]
    Invalid(#[from] DeviceKeyError),
    /// The account has another identity.
    #[error(
        "the account has another identity key; link this device, restore the key backup, or replace the identity"
    )]
    IdentityConflict,
    /// No such person.
    #[error("there is no such user")]
    UserNotFound,
    /// Neither contacts nor about to be.
    #[error("only contacts can fetch this person's keys")]
    NotAContact,
    /// No such device, or it has no keys.
    #[error("this account has no such device in its directory")]
    DeviceNotFound,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(KeyError: StorageError);

impl From<LimitError> for KeyError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

#[derive(Serialize)]
struct Members {
    user_id: Uid,
    version: u64,
    identity_changed: bool,
}

/// A change of a directory that is written, and that nobody knows yet.
#[must_use = "tell it after the commit"]
pub(crate) struct Announced {
    /// The directory's version from now on.
    pub version: u64,
    notices: Vec<Notice>,
    chats: Vec<Told>,
}

impl Announced {
    /// Tells contacts, members of chats, and one's own devices. Called after the commit.
    pub(crate) async fn tell(self, core: &Core) {
        for chat in self.chats {
            chat.publish(core).await;
        }
        notices::publish(core, self.notices);
    }
}

/// What happened to a person's devices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectoryChange<'a> {
    /// The identity key, if it is another one.
    pub new_identity: Option<&'a [u8]>,
    /// Whether there was another one before.
    pub identity_changed: bool,
    /// Whether a key is gone that chats' keys were wrapped for.
    pub removal: bool,
}

/// Raises the directory's version of `uid`, and writes a notice to their own private log and to each contact's, and an
/// event to each chat they are in.
pub(crate) async fn announce(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
    change: DirectoryChange<'_>,
) -> Result<Announced, StorageError> {
    let keys = &core.store.keys;
    let version = accounts::bump_directory(tx, keys, uid, change.new_identity).await?;
    let members = Members {
        user_id: uid,
        version,
        identity_changed: change.identity_changed,
    };
    let chats = tell_chats(core, tx, uid, &members, change.removal).await?;
    let mut audience = contacts::accepted_uids(tx, uid).await?;
    audience.push(uid);
    let recipients = notices::recipients(tx, &audience).await?;
    let kind = EventKind::KeysChanged;
    let notices = notices::append_each(core, tx, &recipients, kind, uid, &members).await?;
    Ok(Announced {
        version,
        notices,
        chats,
    })
}

async fn tell_chats(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
    members: &Members,
    removal: bool,
) -> Result<Vec<Told>, StorageError> {
    // All of them: a person is in no more than the policy says.
    let most = u64::from(u32::MAX);
    let chats = chat_members::of_person(tx, uid, None, 0, most).await?;
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let payload = serde_json::to_string(members).map_err(|_| StorageError::Corrupt("event"))?;
    let new = chats
        .iter()
        .map(|chat| NewEvent::new(chat.log, EventKind::KeysChanged, uid, payload.clone()))
        .collect();
    let events = events::append_each(tx, &core.store.keys, new, core.now()).await?;
    let logs: Vec<LogId> = chats.iter().map(|chat| chat.log).collect();
    logs::note_members_changes(tx, &logs, removal).await?;
    let written = events.into_iter().zip(&chats);
    Ok(written
        .map(|(event, chat)| Told::of_event(event, chat.kind))
        .collect())
}
