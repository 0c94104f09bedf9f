//! What those do who look after the server and its people. Every call is checked by [`authorize`] against the
//! caller's rank as it is now, and leaves an entry in the audit log.

mod authorize;

pub(crate) use authorize::authorize_on;
pub use authorize::{Actor, authorize};

use melo_domain::Role;
use melo_storage::StorageError;

use crate::Fault;
use crate::fault::faults;

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
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(AdminError: StorageError);
