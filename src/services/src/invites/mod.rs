//! Invites to register, made by admins.

mod create;
mod list;
mod revoke;

pub use create::{NewInvite, create};
pub use list::list;
pub use melo_storage::invites::Invite;
pub use revoke::revoke;

use melo_storage::StorageError;

use crate::Fault;
use crate::admin::AdminError;
use crate::fault::faults;

/// Why a call about invites was refused.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The caller may not.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// No such invite.
    #[error("there is no such invite")]
    NotFound,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(InviteError: StorageError);
