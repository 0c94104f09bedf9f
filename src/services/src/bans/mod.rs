//! Addresses, devices and phone numbers that are kept out: looked at when somebody registers or signs in.
//! What is going on already is not ended by a ban; for that, end the sessions or ban the account.

mod add;
mod check;
mod lift;
mod list;

pub use add::{MAX_REASON_CHARS, NewBan, add};
pub(crate) use check::{BanMemory, check};
pub use lift::lift;
pub use list::{BanPage, list};
pub use melo_storage::bans::Ban;

use melo_storage::StorageError;

use crate::Fault;
use crate::admin::AdminError;
use crate::fault::faults;

/// Why a call about bans was refused.
#[derive(Debug, thiserror::Error)]
pub enum BanError {
    /// The caller may not.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// No such ban.
    #[error("there is no such ban")]
    NotFound,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(BanError: StorageError);
