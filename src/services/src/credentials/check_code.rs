//! Whether a one-time code is right.

use melo_crypto::same_secret;
use melo_domain::{CodePurpose, Secret};
use melo_storage::codes;

use super::{CODE_ATTEMPTS, CredentialError};
use crate::Core;

/// Takes one of the code's attempts. Returns what spends it, in the transaction of what it is good for.
pub(crate) async fn check_code(
    core: &Core,
    purpose: CodePurpose,
    subject: &str,
    code: &Secret,
) -> Result<i64, CredentialError> {
    let store = &core.store;
    let stored = codes::attempt(
        store.db.write(),
        &store.keys,
        purpose,
        subject,
        CODE_ATTEMPTS,
    );
    let stored = stored.await?.ok_or(CredentialError::CodeInvalid)?;
    let right = same_secret(&Secret::new(stored.code), code.expose().trim());
    if right && stored.expires > core.now() {
        Ok(stored.id)
    } else {
        Err(CredentialError::CodeInvalid)
    }
}
