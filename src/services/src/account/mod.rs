//! Accounts: coming in, and what one says about oneself.

mod add_device;
mod admit;
mod authenticate;
mod delete;
mod erase;
mod export;
mod issue_challenge;
mod issue_csrf;
mod issue_ticket;
mod key_backup;
mod login;
mod note_refusal;
mod register;
mod set_public_key;
mod standing;
mod update_profile;
mod view_profile;

pub(crate) use add_device::find_or_add_device;
pub(crate) use authenticate::known_session;
pub use authenticate::{
    AuthError, authenticate, authenticate_call, authenticate_ticket, still_signed_in,
};
pub use delete::{delete, erase};
pub(crate) use erase::Leaving;
pub(crate) use export::MAX_EXPORTS;
pub use export::{Export, export};
pub use issue_challenge::{CHALLENGE_LIFE, Challenge, Work, issue_challenge};
pub use issue_csrf::{check_csrf, issue_csrf};
pub use issue_ticket::{TICKET_LIFE, issue_ticket};
pub use key_backup::{MAX_BACKUP_BYTES, MIN_BACKUP_CHARS, load_key_backup, store_key_backup};
pub use login::{Identifier, LoggedIn, LoginInput, login};
pub use register::{Registered, Registration, register};
pub use set_public_key::set_public_key;
pub(crate) use standing::check_standing;
pub use update_profile::{ProfileUpdate, update_profile};
pub use view_profile::{Profile, view_profile};

use melo_ephemeral::EphemeralError;
use melo_storage::StorageError;

use crate::access::AccessError;
use crate::credentials::CredentialError;
use crate::fault::faults;
use crate::password_pool::PoolError;
use crate::{Fault, LimitError};

/// Why an account call was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The phone has an account.
    #[error("this phone number is already registered; log in instead")]
    PhoneTaken,
    /// The username is somebody else's.
    #[error("this username is taken; choose another")]
    UsernameTaken,
    /// Unknown account, wrong password, wrong device token: one answer.
    #[error("wrong user id, phone, password or device token")]
    InvalidCredentials,
    /// Locked, and the credentials were right.
    #[error("this account is locked; ask the people who run this server")]
    Locked,
    /// Banned, and the credentials were right.
    #[error("this account is banned from this server")]
    Banned,
    /// The address, the device or the phone is banned.
    #[error(
        "registering and signing in from this address, device or phone number is barred here; ask the people who run this server if that is a mistake"
    )]
    KeptOut,
    /// The operator asks for work before a registration.
    #[error(
        "this server asks for a proof of work: get a challenge from /register/challenge, solve it, and send it as pow"
    )]
    WorkRequired,
    /// The work is not good, too old, or was used before.
    #[error(
        "the proof of work is wrong, expired or used already; get a fresh challenge from /register/challenge"
    )]
    WorkInvalid,
    /// A new password is wanted, and the credentials were right.
    #[error("this account needs a new password before the next login: reset it")]
    ResetRequired,
    /// The password is right, and a code is missing.
    #[error("a second factor is set up: send its code, or a recovery code, as code")]
    SecondFactorRequired,
    /// The password is right; the code is wrong, or was used before.
    #[error("the code is wrong or was used already; wait for the next one")]
    SecondFactorInvalid,
    /// The password or second factor was not shown.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The last owner.
    #[error("this is the last owner of the server; make somebody else an owner first")]
    LastOwner,
    /// No such person.
    #[error("there is no such user")]
    UserNotFound,
    /// The two are not contacts.
    #[error("only contacts can see this profile")]
    NotAContact,
    /// Nothing was stored.
    #[error("no key backup is stored for this account")]
    NoBackup,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Too many logins are being worked on.
    #[error("the server is busy with other logins; try again in a few seconds")]
    Busy,
    /// Password, code or invite.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(AccountError: StorageError, EphemeralError, melo_crypto::JwtError);

impl From<LimitError> for AccountError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<PoolError> for AccountError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy => Self::Busy,
            PoolError::Fault(fault) => Self::Fault(fault),
        }
    }
}
