//! Takes the second factor away.

use melo_storage::{StorageError, second_factors};

use crate::access::{self, AccessError, Credentials};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Takes the second factor and its recovery codes away; needs both the password and a code.
pub async fn disable(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<(), AccessError> {
    access::show(core, caller, shown).await?;
    let tx = core.store.db.begin().await?;
    if !second_factors::remove(&tx, caller.uid).await? {
        return Err(AccessError::NotEnabled);
    }
    let (action, object) = (Action::SecondFactorDisable, Object::User(caller.uid));
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    Ok(tx.commit().await.map_err(StorageError::from)?)
}
