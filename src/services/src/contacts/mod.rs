//! Contacts: nobody writes to somebody who did not agree.

mod confirm;
mod list;
mod presence;
mod subscribe;

pub use confirm::confirm;
pub use list::{ContactPage, ContactView, list};
pub use presence::presence;
pub(crate) use subscribe::request_notice;
pub use subscribe::{SubscribeInput, subscribe};

use melo_storage::StorageError;

use crate::fault::faults;
use crate::{Fault, LimitError};

/// Why a contact call was refused.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// The token in the body is not one of this session.
    #[error("the csrf_token is missing, wrong or expired; get a fresh one from /csrf_token")]
    Csrf,
    /// Oneself.
    #[error("you cannot be your own contact")]
    SelfTarget,
    /// Asked before, or contacts already.
    #[error("you have already asked this person, or are contacts")]
    AlreadySubscribed,
    /// The caller has blocked the other.
    #[error("you have blocked this person; unblock them first")]
    Blocked,
    /// No such person.
    #[error("there is no such user")]
    UserNotFound,
    /// Nobody asked.
    #[error("this person has not asked to become your contact")]
    NoPendingRequest,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(ContactError: StorageError);

impl From<LimitError> for ContactError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}
