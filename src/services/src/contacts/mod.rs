//! Contacts: nobody writes to somebody who did not agree.

mod cancel;
mod confirm;
mod list;
mod list_requests;
mod notices;
mod reject;
mod remove;
mod subscribe;

pub use cancel::cancel;
pub use confirm::confirm;
pub use list::{ContactPage, ContactView, list};
pub use list_requests::{RequestPage, RequestView, list_requests};
pub use reject::reject;
pub use remove::remove;
pub(crate) use subscribe::request_notice;
pub use subscribe::{ASK_AGAIN_AFTER, SubscribeInput, subscribe};

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
    /// There is no such contact.
    #[error("this person is not one of your contacts")]
    NotAContact,
    /// Nobody asked.
    #[error("there is no open request between you and this person")]
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
