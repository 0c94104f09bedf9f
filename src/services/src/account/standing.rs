//! Whether somebody whose credentials are right may come in.

use melo_domain::{AccountState, Uid};
use melo_storage::{DatabaseTransaction, accounts};

use super::AccountError;

/// Refuses people who are locked, banned, or need a new password. Called within the transaction that begins a
/// session, and only once a password or token was right: to everybody else all accounts look the same. A lock
/// that is being written at the same time comes before this or after it, and then finds the new session.
pub(crate) async fn check_standing(tx: &DatabaseTransaction, uid: Uid) -> Result<(), AccountError> {
    let standing = accounts::hold_standing(tx, uid).await?;
    // Deleted since its password was checked.
    let standing = standing.ok_or(AccountError::InvalidCredentials)?;
    match standing.state {
        AccountState::Locked => Err(AccountError::Locked),
        AccountState::Banned => Err(AccountError::Banned),
        AccountState::Active if standing.reset_required => Err(AccountError::ResetRequired),
        AccountState::Active => Ok(()),
    }
}
