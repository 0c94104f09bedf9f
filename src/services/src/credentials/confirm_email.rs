//! The address is one's own: the token that was mailed there says so.

use melo_crypto::TokenHash;
use melo_domain::{Email, MailTokenPurpose, Secret};
use melo_storage::{StorageError, emails, mail_tokens};
use serde_json::json;

use super::CredentialError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Keeps the address for resets, in place of an earlier one.
pub async fn confirm_email(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    token: &Secret,
) -> Result<(), CredentialError> {
    let keys = &core.store.keys;
    let hash = TokenHash::of(token.expose().trim());
    let purpose = MailTokenPurpose::ConfirmEmail;
    let found = mail_tokens::find(core.store.db.write(), keys, purpose, &hash).await?;
    let found = found
        .filter(|token| token.uid == caller.uid && token.expires > core.now())
        .ok_or(CredentialError::CodeInvalid)?;
    let email: Email = found
        .email
        .parse()
        .map_err(|_| StorageError::Corrupt("mail address"))?;
    let tx = core.store.db.begin().await?;
    if !mail_tokens::spend(&tx, found.id).await? {
        return Err(CredentialError::CodeInvalid);
    }
    match emails::set(&tx, keys, caller.uid, &email, core.now()).await {
        Err(error) if error.is_unique_violation() => return Err(CredentialError::EmailTaken),
        other => other?,
    }
    let details = json!({"fields": ["email"]});
    let (action, object) = (Action::AccountUpdate, Object::User(caller.uid));
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
    Ok(())
}
