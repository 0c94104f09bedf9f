//! Shows the password again, which some calls ask for.

use std::time::Duration;

use melo_storage::{StorageError, sessions};

use crate::access::{self, AccessError, Credentials};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Notes that the person behind this session has just shown password and second factor.
pub async fn reauthenticate(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<(), AccessError> {
    access::show(core, caller, shown).await?;
    let tx = core.store.db.begin().await?;
    sessions::set_authenticated(&tx, &core.store.keys, caller.session, core.now()).await?;
    let (action, object) = (
        Action::SessionReauthenticate,
        Object::Session(caller.session),
    );
    audit::record(core, &tx, origin, Some(caller.uid), action, object, &()).await?;
    Ok(tx.commit().await.map_err(StorageError::from)?)
}

/// Whether the person behind this session has shown their password within `within`.
pub(crate) async fn is_recent(
    core: &Core,
    caller: Caller,
    within: Duration,
) -> Result<bool, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let shown = sessions::authenticated(db, keys, caller.session).await?;
    Ok(shown.is_some_and(|at| core.now().since(at) <= within))
}
