//! A mail address for resets: first it must be confirmed.

use melo_crypto::BearerToken;
use melo_domain::{Email, Language, MailTokenPurpose};
use melo_storage::{StorageError, mail_tokens};

use super::{CredentialError, MAIL_TOKEN_LIFE};
use crate::limits::{self, Limit};
use crate::outgoing;
use crate::sessions::is_recent;
use crate::{Caller, Core, Grant};

/// Mails a token to the address. Whoever can read it can take the account over later, so the password must
/// have been shown a short while ago.
pub async fn set_email(
    core: &Core,
    caller: Caller,
    email: &Email,
    language: Language,
) -> Result<(), CredentialError> {
    if !core.policy.channels.mail {
        return Err(CredentialError::NotConfigured("mail"));
    }
    check_recent(core, caller).await?;
    limits::take(core, Limit::Code, caller.uid).await?;
    let (token, hash) = BearerToken::generate();
    let expires = core.now().plus(MAIL_TOKEN_LIFE);
    let tx = core.store.db.begin().await?;
    let (keys, purpose) = (&core.store.keys, MailTokenPurpose::ConfirmEmail);
    mail_tokens::put(
        &tx,
        keys,
        caller.uid,
        purpose,
        &hash,
        email.as_str(),
        expires,
    )
    .await?;
    let text = outgoing::confirm_mail(language, token.expose());
    outgoing::mail(core, &tx, email.as_str(), text, expires).await?;
    tx.commit().await.map_err(StorageError::from)?;
    core.wake_worker();
    Ok(())
}

/// A personal access token with the scope stands for itself: it was made with a fresh password.
pub(super) async fn check_recent(core: &Core, caller: Caller) -> Result<(), CredentialError> {
    if matches!(caller.grant, Grant::Token(_)) {
        return Ok(());
    }
    if is_recent(core, caller, core.policy.admin_reauthentication).await? {
        Ok(())
    } else {
        Err(CredentialError::ReauthenticationRequired)
    }
}
