//! Other people: finding them, what they are let see of oneself, and keeping them away.

mod block;
mod list_blocks;
mod search;
mod set_privacy;
mod standing;
mod unblock;
mod view_privacy;

pub use block::block;
pub use list_blocks::{BlockPage, list_blocks};
pub use search::{Found, search};
pub use set_privacy::{PrivacyUpdate, set_privacy};
pub(crate) use standing::{blocks_between, changed, may_see, privacies_of, privacy_of, relation};
pub use unblock::unblock;
pub use view_privacy::view_privacy;

use melo_storage::StorageError;

use crate::fault::faults;
use crate::{Fault, LimitError};

/// Why a call about other people was refused.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Oneself.
    #[error("you cannot block yourself")]
    SelfTarget,
    /// No such person.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no block to lift.
    #[error("you have not blocked this person")]
    NotBlocked,
    /// Too many searches, or tries of user ids.
    #[error("too many searches or attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(PeopleError: StorageError);

impl From<LimitError> for PeopleError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}
