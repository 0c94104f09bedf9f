//! What somebody proves with that an account, a phone or a mailbox is theirs: passwords, one-time codes, mailed
//! tokens.

mod change_password;
mod check_code;
mod confirm_email;
mod email;
mod fit_password;
mod replace_password;
mod request_code;
mod request_reset;
mod reset_password;
mod set_email;
mod start_reset;
mod whom;

pub use change_password::change_password;
pub(crate) use change_password::check_current;
pub(crate) use check_code::check_code;
pub use confirm_email::confirm_email;
pub use email::{remove_email, view_email};
pub use fit_password::check_form;
pub(crate) use fit_password::{check_fit, check_fit_of};
pub(crate) use replace_password::replace_password;
pub use request_code::request_code;
pub use request_reset::{Channel, ResetRequest, request_reset};
pub use reset_password::{ResetProof, reset_password};
pub use set_email::set_email;
pub use start_reset::start_reset;
pub use whom::Whom;

use std::time::Duration;

use melo_domain::UnfitPassword;
use melo_ephemeral::EphemeralError;
use melo_storage::StorageError;

use crate::fault::faults;
use crate::password_pool::PoolError;
use crate::{Fault, LimitError};

/// How long a one-time code is good.
pub const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// How often a one-time code may be tried.
pub const CODE_ATTEMPTS: i32 = 5;
/// How long a mailed token is good.
pub const MAIL_TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);

/// Why it was not proven, or not changed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The new password breaks a rule.
    #[error("the new password {0}")]
    Unfit(UnfitPassword),
    /// The current password was not given.
    #[error("the current password must be given to change it")]
    CurrentMissing,
    /// The current password is another one.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Only a login may.
    #[error("a personal access token cannot change the password; log in")]
    LoginRequired,
    /// Nobody can register.
    #[error("nobody can register on this server")]
    RegistrationClosed,
    /// No code was given.
    #[error("a code must be given that was sent to the phone: POST /register/code")]
    VerificationRequired,
    /// No invite was given.
    #[error("an invite must be given")]
    InviteRequired,
    /// Unknown, expired, used up or revoked: one answer.
    #[error("this invite is not good, or not any more")]
    InviteInvalid,
    /// Wrong, expired or used up: one answer.
    #[error("this code is not good, or not any more")]
    CodeInvalid,
    /// Wrong, expired or used: one answer.
    #[error("this token is not good, or not any more")]
    TokenInvalid,
    /// The address is confirmed for another account.
    #[error("this address belongs to another account")]
    EmailTaken,
    /// The password was shown too long ago.
    #[error("show your password again first: POST /reauthenticate")]
    ReauthenticationRequired,
    /// The operator has no such way out.
    #[error("this server cannot send {0}")]
    NotConfigured(&'static str),
    /// No such person: the account went away meanwhile.
    #[error("there is no such user")]
    UserNotFound,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Too many passwords are being worked on.
    #[error("the server is busy with other logins; try again in a few seconds")]
    Busy,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(CredentialError: StorageError, EphemeralError);

impl From<LimitError> for CredentialError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<PoolError> for CredentialError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy => Self::Busy,
            PoolError::Fault(fault) => Self::Fault(fault),
        }
    }
}
