//! What sessions, devices, tokens and second factors have in common: the refusals, and showing one's
//! password again.

use melo_domain::Secret;
use melo_storage::StorageError;
use melo_storage::accounts::{self, Account};

use crate::fault::faults;
use crate::limits::{self, Limit};
use crate::password_pool::PoolError;
use crate::second_factor::{self, Shown};
use crate::{Caller, Core, Fault, Grant, LimitError};
use melo_crypto::Verdict;

/// Why a call about sessions, devices, tokens or second factors was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Not the account's password.
    #[error("this is not your current password")]
    WrongPassword,
    /// The password is right, and a code is missing.
    #[error("a second factor is set up: send its code, or a recovery code, as code")]
    SecondFactorRequired,
    /// The code is wrong, or was used before.
    #[error("the code is wrong or was used already; wait for the next one")]
    SecondFactorInvalid,
    /// Only a login may.
    #[error("a personal access token cannot do this; log in with the password")]
    LoginRequired,
    /// It is too long ago that the password was shown.
    #[error("show your password again first: POST /reauthenticate")]
    ReauthenticationRequired,
    /// The call's own session.
    #[error("this is the session you are using; to end it, log out")]
    CurrentSession,
    /// Not there, or somebody else's.
    #[error("there is no such {0} of yours")]
    NotFound(&'static str),
    /// Wrong, expired, or already replaced.
    #[error("the device token is wrong or was replaced; log in with the password")]
    InvalidDeviceToken,
    /// Replaced some time ago: somebody has a copy.
    #[error(
        "this device token was replaced before; as somebody else may have a copy, the device was signed out"
    )]
    TokenReused,
    /// There is one.
    #[error("a second factor is already set up; take it away first")]
    AlreadyEnabled,
    /// There is none.
    #[error("no second factor is set up")]
    NotEnabled,
    /// Only moderators and above.
    #[error("only a moderator, admin or owner can make a token for the admin API")]
    AdminScope,
    /// Enough is enough.
    #[error("you have 50 tokens; revoke one first")]
    TooManyTokens,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    Limited(u64),
    /// Too many passwords are being checked.
    #[error("the server is busy with logins; try again in a few seconds")]
    Busy,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(AccessError: StorageError, melo_ephemeral::EphemeralError, melo_crypto::JwtError);

impl From<LimitError> for AccessError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<PoolError> for AccessError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Busy => Self::Busy,
            PoolError::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// What somebody who is signed in shows to be let further.
pub struct Credentials {
    /// The current password.
    pub password: Secret,
    /// The second factor's code, where one is set up.
    pub code: Option<Secret>,
}

/// Checks the caller's password and second factor. Tokens cannot: they are no person.
pub(crate) async fn show(
    core: &Core,
    caller: Caller,
    shown: Credentials,
) -> Result<Account, AccessError> {
    if caller.grant != Grant::Login {
        return Err(AccessError::LoginRequired);
    }
    limits::take(core, Limit::Secret, caller.uid).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let account = accounts::find(db, keys, caller.uid)
        .await?
        .ok_or(AccessError::NotFound("account"))?;
    let stored = Some(account.password_hash.clone());
    if core.passwords.verify(shown.password, stored).await? == Verdict::Wrong {
        return Err(AccessError::WrongPassword);
    }
    match second_factor::check(core, caller.uid, shown.code.as_ref()).await? {
        Shown::Passed(_) => Ok(account),
        Shown::Missing => Err(AccessError::SecondFactorRequired),
        Shown::Wrong => Err(AccessError::SecondFactorInvalid),
    }
}
