//! New recovery codes.

use melo_domain::Secret;
use melo_storage::{StorageError, second_factors};

use super::replace_codes;
use crate::access::{self, AccessError, Credentials};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Ten new recovery codes; the old ones are good no more.
pub async fn renew_codes(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<Vec<Secret>, AccessError> {
    access::show(core, caller, shown).await?;
    let tx = core.store.db.begin().await?;
    if !second_factors::is_confirmed(&tx, caller.uid).await? {
        return Err(AccessError::NotEnabled);
    }
    let codes = replace_codes(&tx, caller.uid).await?;
    let (action, object) = (Action::RecoveryCodesRenew, Object::User(caller.uid));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(codes)
}
