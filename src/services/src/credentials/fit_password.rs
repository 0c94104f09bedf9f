//! Whether a new password is one that this server takes.

use melo_crypto::Verdict;
use melo_domain::{PasswordOwner, Secret, UnfitPassword};
use melo_storage::accounts::Account;

use super::CredentialError;
use crate::Core;

/// What can be said before anything is known of the person.
pub fn check_form(core: &Core, password: &Secret) -> Result<(), UnfitPassword> {
    core.policy.passwords.check_form(password.expose())
}

/// All rules, for somebody who is not there yet.
pub(crate) fn check_fit_of(
    core: &Core,
    password: &Secret,
    owner: &PasswordOwner<'_>,
) -> Result<(), UnfitPassword> {
    core.policy.passwords.check(password.expose(), owner)
}

/// All rules, for somebody who has an account, one more among them: it is not the password that they have. Compared with
/// the stored hash, as that knows how it was made: an imported one may look at the beginning only.
pub(crate) async fn check_fit(
    core: &Core,
    password: &Secret,
    account: &Account,
) -> Result<(), CredentialError> {
    let owner = PasswordOwner {
        phone: &account.phone,
        name: &account.name,
        nickname: &account.nickname,
        username: account.username.as_deref(),
    };
    check_fit_of(core, password, &owner).map_err(CredentialError::Unfit)?;
    let stored = Some(account.password_hash.clone());
    match core.passwords.verify(password.clone(), stored).await? {
        Verdict::Wrong => Ok(()),
        Verdict::Right | Verdict::RightButOutdated => {
            Err(CredentialError::Unfit(UnfitPassword::Unchanged))
        }
    }
}
