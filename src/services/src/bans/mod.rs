//! Addresses, devices and phone numbers that are kept out: looked at when somebody registers, signs in, calls or opens a
//! connection. Who is signed in already when a ban is made is put out by it.

mod add;
mod check;
mod lift;
mod list;
mod put_out;
mod ranges;

pub use add::{MAX_REASON_CHARS, NewBan, add};
pub use check::bars;
pub(crate) use check::{BanMemory, BanWatch, check};
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
    /// The caller's own address, device or phone.
    #[error(
        "this would shut you out yourself: it is, or covers, an address, device or phone number of your own"
    )]
    SelfTarget,
    /// No such ban.
    #[error("there is no such ban")]
    NotFound,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(BanError: StorageError);
