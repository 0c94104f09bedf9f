//! One's own mail address.

use melo_domain::MailTokenPurpose;
use melo_storage::emails::{self, ConfirmedEmail};
use melo_storage::{StorageError, mail_tokens};
use serde_json::json;

use super::CredentialError;
use super::set_email::check_recent;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// The confirmed address, if there is one.
pub async fn view_email(
    core: &Core,
    caller: Caller,
) -> Result<Option<ConfirmedEmail>, CredentialError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    Ok(emails::find(db, keys, caller.uid).await?)
}

/// Forgets the address, and resets that were mailed to it.
pub async fn remove_email(
    core: &Core,
    caller: Caller,
    origin: &Origin,
) -> Result<(), CredentialError> {
    check_recent(core, caller).await?;
    let tx = core.store.db.begin().await?;
    emails::remove(&tx, caller.uid).await?;
    for purpose in MailTokenPurpose::ALL {
        mail_tokens::forget(&tx, caller.uid, *purpose).await?;
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
