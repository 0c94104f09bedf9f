//! Which of one's contacts are connected.

use std::sync::Arc;

use melo_domain::Uid;
use melo_storage::contacts;

use super::ContactError;
use crate::{Caller, Core};

/// Every accepted contact and whether they have a live connection.
pub async fn presence(core: &Core, caller: Caller) -> Result<Vec<(Uid, bool)>, ContactError> {
    let contacts = contacts_of(core, caller.uid).await?;
    Ok(contacts
        .iter()
        .map(|uid| (*uid, core.hub.is_online(*uid)))
        .collect())
}

async fn contacts_of(core: &Core, uid: Uid) -> Result<Arc<[Uid]>, ContactError> {
    if let Some(known) = core.caches.contacts.get(&uid) {
        return Ok(known);
    }
    let read: Arc<[Uid]> = contacts::accepted_uids(core.store.db.read(), uid)
        .await?
        .into();
    core.caches.contacts.insert(uid, Arc::clone(&read));
    Ok(read)
}
