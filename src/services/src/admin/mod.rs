//! What those do who look after the server and its people. Every call is checked by [`authorize`] against the
//! caller's rank as it is now, and leaves an entry in the audit log, be it that it was refused.

mod authorize;
mod change_role;
mod change_state;
mod delete_account;
mod end_sessions;
mod find_people;
mod force_reset;
mod list_devices;
mod list_sessions;
mod list_tokens;
mod note_refusal;
mod operator;
mod read_audit;
mod reset_second_factor;
mod revoke_device;
mod revoke_token;
mod view_figures;
mod view_person;

pub(crate) use authorize::authorize_on;
pub use authorize::{Actor, authorize};
pub use change_role::change_role;
pub use change_state::{StateChange, change_state};
pub use delete_account::delete_account;
pub use end_sessions::{end_session, end_sessions};
pub use find_people::{find_people, list_people};
pub use force_reset::force_reset;
pub use list_devices::list_devices;
pub use list_sessions::list_sessions;
pub use list_tokens::list_tokens;
pub use note_refusal::{RefusedCall, note_refusal};
pub use operator::{NewPerson, create_person, promote, read_log, take_second_factor};
pub use read_audit::{AuditPage, AuditQuery, read_audit};
pub use reset_second_factor::reset_second_factor;
pub use revoke_device::revoke_device;
pub use revoke_token::revoke_token;
pub use view_figures::{ServerFigures, view_figures};
pub use view_person::{PersonDetails, view_person};

use melo_domain::{Role, UnfitPassword};
use melo_storage::StorageError;

use crate::Fault;
use crate::access::AccessError;
use crate::account::AccountError;
use crate::fault::faults;
use crate::password_pool::PoolError;

/// Most entries of one page.
pub const MAX_PAGE: u64 = 100;

/// Why an admin call was refused.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The caller's role is too low.
    #[error("this needs the role {0}")]
    RoleRequired(Role),
    /// The target's role is not lower than the caller's.
    #[error("this can be done only to people of a lower role than your own")]
    TargetRank,
    /// A personal access token of other scopes.
    #[error("this token is not good for that; it needs the scope {0}")]
    ScopeRequired(melo_domain::Scope),
    /// The password was shown too long ago.
    #[error("show your password again first: POST /reauthenticate")]
    ReauthenticationRequired,
    /// The operator wants a second factor of everybody who administers.
    #[error("this server asks a second factor of those who administer it; set one up first")]
    EnrolmentRequired,
    /// No such person.
    #[error("there is no such user")]
    UserNotFound,
    /// No such session, device or token of this person.
    #[error("this person has no such {0}")]
    NotFound(&'static str),
    /// No such token of anybody.
    #[error("there is no such token")]
    NoToken,
    /// No second factor is set up.
    #[error("this person has no second factor")]
    NoSecondFactor,
    /// The account is banned, and a lock or unlock does not change that.
    #[error("this account is banned; only an unban changes that")]
    TargetBanned,
    /// The account is not banned.
    #[error("this account is not banned; to lift a lock, unlock it")]
    NotBanned,
    /// Nobody would be left to choose the others.
    #[error("this is the last owner; make somebody else an owner first")]
    LastOwner,
    /// The phone has an account.
    #[error("this phone number already has an account")]
    PhoneTaken,
    /// Not a password that this server takes.
    #[error("the password {0}")]
    UnfitPassword(#[from] UnfitPassword),
    /// Too many passwords are being checked.
    #[error("the server is busy with logins; try again in a few seconds")]
    Busy,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(AdminError: StorageError);

impl From<PoolError> for AdminError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy => Self::Busy,
            PoolError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<AccountError> for AdminError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::UserNotFound => Self::UserNotFound,
            AccountError::LastOwner => Self::LastOwner,
            AccountError::Fault(fault) => Self::Fault(fault),
            // Rules for one's own account do not apply to somebody else's.
            _ => Self::Fault(Fault::Task),
        }
    }
}

impl From<AccessError> for AdminError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Fault(fault) => Self::Fault(fault),
            // Rules for one's own sessions and tokens do not apply to looking at somebody else's.
            _ => Self::Fault(Fault::Task),
        }
    }
}
