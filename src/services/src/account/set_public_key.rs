//! Replaces the account's RSA key, the one existing clients encrypt to.

use melo_crypto::e2e::PublicKeyPem;
use melo_storage::accounts;

use super::AccountError;
use crate::{Caller, Core};

/// Stores the key.
pub async fn set_public_key(
    core: &Core,
    caller: Caller,
    key: &PublicKeyPem,
) -> Result<(), AccountError> {
    let (db, keys) = (&core.store.db, &core.store.keys);
    accounts::set_e2e_key(db.write(), keys, caller.uid, key.as_str(), core.clock.now()).await?;
    Ok(())
}
