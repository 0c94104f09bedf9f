//! Changes of one's own profile.

use melo_domain::{Bio, DisplayName, Secret, Username};
use melo_storage::accounts::{self, ProfileChange};

use super::AccountError;
use crate::{Caller, Core};

/// What to change; `None` leaves as it is.
#[derive(Default)]
pub struct ProfileUpdate {
    /// New name.
    pub name: Option<DisplayName>,
    /// New nickname.
    pub nickname: Option<DisplayName>,
    /// New username, or `Some(None)` to give it up.
    pub username: Option<Option<Username>>,
    /// New bio.
    pub bio: Option<Bio>,
    /// New password, checked for its length already.
    pub password: Option<Secret>,
}

/// Applies the changes, all or none.
pub async fn update_profile(
    core: &Core,
    caller: Caller,
    update: ProfileUpdate,
) -> Result<(), AccountError> {
    let password_hash = match update.password {
        Some(password) => Some(core.passwords.hash(password).await?),
        None => None,
    };
    let change = ProfileChange {
        name: update.name.as_ref(),
        nickname: update.nickname.as_ref(),
        username: update.username.as_ref().map(Option::as_ref),
        bio: update.bio.as_ref().map(Bio::as_str),
        password_hash: password_hash.as_deref(),
    };
    let done =
        accounts::update_profile(core.store.db.write(), &core.store.keys, caller.uid, &change)
            .await;
    match done {
        Err(error) if error.is_unique_violation() => Err(AccountError::UsernameTaken),
        other => Ok(other?),
    }
}
