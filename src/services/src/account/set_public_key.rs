//! Replaces the account's RSA key, the one existing clients encrypt to.

use melo_crypto::e2e::PublicKeyPem;
use melo_storage::{StorageError, accounts};

use super::AccountError;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Stores the key.
pub async fn set_public_key(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    key: &PublicKeyPem,
) -> Result<(), AccountError> {
    let (keys, now) = (&core.store.keys, core.clock.now());
    let tx = core.store.db.begin().await?;
    accounts::set_e2e_key(&tx, keys, caller.uid, key.as_str(), now).await?;
    let (action, object) = (Action::PublicKeySet, Object::User(caller.uid));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(())
}
