//! A new password from who knows the old one.

use melo_crypto::Verdict;
use melo_domain::Secret;
use melo_protocol::CloseCode;
use melo_storage::StorageError;
use melo_storage::accounts::{self, Account};
use serde_json::json;

use super::{CredentialError, check_fit, replace_password};
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::{Caller, Core, Grant, Origin, sessions};

/// Replaces the password and ends all other logins and the tokens of their devices. Returns how many ended.
pub async fn change_password(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    current: Secret,
    new: Secret,
) -> Result<u64, CredentialError> {
    let account = check_current(core, caller, current).await?;
    check_fit(core, &new, &account).await?;
    let hash = core.passwords.hash(new).await?;
    let tx = core.store.db.begin().await?;
    let ended = replace_password(core, &tx, caller.uid, &hash, Some(caller)).await?;
    let details = json!({"sessions_ended": ended.count()});
    let (action, object) = (Action::PasswordChange, Object::User(caller.uid));
    audit::record(
        core,
        &tx,
        origin,
        Some(caller.uid),
        action,
        object,
        &details,
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;
    let count = ended.count();
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    Ok(count)
}

/// The caller's account, if that is its password. Tokens cannot: whoever has copied one must not get further
/// with a password than a login does.
pub(crate) async fn check_current(
    core: &Core,
    caller: Caller,
    current: Secret,
) -> Result<Account, CredentialError> {
    if caller.grant != Grant::Login {
        return Err(CredentialError::LoginRequired);
    }
    limits::take(core, Limit::Secret, caller.uid).await?;
    let account = accounts::find(core.store.db.read(), &core.store.keys, caller.uid).await?;
    let account = account.ok_or(CredentialError::UserNotFound)?;
    let stored = Some(account.password_hash.clone());
    match core.passwords.verify(current, stored).await? {
        Verdict::Wrong => Err(CredentialError::WrongPassword),
        Verdict::Right | Verdict::RightButOutdated => Ok(account),
    }
}
