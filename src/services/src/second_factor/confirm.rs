//! Turns the second factor on, once the person has shown that their authenticator knows the secret.

use melo_domain::Secret;
use melo_storage::{StorageError, second_factors};

use super::{generator, replace_codes};
use crate::access::AccessError;
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::{Caller, Core, Grant, Origin};

/// Checks the first code. Returns the recovery codes, which are never shown again.
pub async fn confirm(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    code: &Secret,
) -> Result<Vec<Secret>, AccessError> {
    if caller.grant != Grant::Login {
        return Err(AccessError::LoginRequired);
    }
    limits::take(core, Limit::Secret, caller.uid).await?;
    let tx = core.store.db.begin().await?;
    let factor = second_factors::find(&tx, &core.store.keys, caller.uid)
        .await?
        .ok_or(AccessError::NotEnabled)?;
    if factor.confirmed {
        return Err(AccessError::AlreadyEnabled);
    }
    let step = generator(&factor.secret, caller.uid)?
        .step_of(code.expose().trim(), core.now())
        .ok_or(AccessError::SecondFactorInvalid)?;
    if !second_factors::confirm(&tx, caller.uid).await? {
        return Err(AccessError::AlreadyEnabled);
    }
    second_factors::spend_step(&tx, caller.uid, step).await?;
    let codes = replace_codes(&tx, caller.uid).await?;
    let (action, object) = (Action::SecondFactorConfirm, Object::User(caller.uid));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(codes)
}
