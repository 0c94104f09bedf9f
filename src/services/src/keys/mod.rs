//! The key directory: which devices a person has, each vouched for by the person's identity key.

mod fetch;
mod publish;
mod remove;

pub use fetch::{Directory, fetch};
pub use publish::{PublishInput, publish};
pub use remove::remove;

use melo_crypto::e2e::DeviceKeyError;
use melo_domain::{EventKind, Uid};
use melo_storage::{ConnectionTrait, StorageError, accounts, contacts};
use serde::Serialize;

use crate::fault::faults;
use crate::notices::{self, Notice, Recipient};
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

/// Raises the directory's version of `uid` and writes a notice to their own private log and to each contact's.
pub(crate) async fn announce(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
    new_identity: Option<&[u8]>,
    identity_changed: bool,
) -> Result<(u64, Vec<Notice>), StorageError> {
    let keys = &core.store.keys;
    let version = accounts::bump_directory(tx, keys, uid, new_identity).await?;
    let members = Members {
        user_id: uid,
        version,
        identity_changed,
    };
    let mut audience = contacts::accepted_uids(tx, uid).await?;
    audience.push(uid);
    let logs = accounts::private_logs(tx, &audience).await?;
    let mut notices = Vec::with_capacity(logs.len());
    for (contact, private_log) in logs {
        let recipient = Recipient {
            uid: contact,
            private_log,
        };
        notices.push(
            notices::append(core, tx, recipient, EventKind::KeysChanged, uid, &members).await?,
        );
    }
    Ok((version, notices))
}
