//! Which of one's contacts are connected.

use std::sync::Arc;

use melo_domain::Uid;
use melo_storage::contacts;

use super::ContactError;
use crate::{Caller, Core};

/// Every accepted contact and whether they have a live connection.
pub async fn presence(core: &Core, caller: Caller) -> Result<Vec<(Uid, bool)>, ContactError> {
    let contacts: Arc<[Uid]> = match core.caches.contacts.get(&caller.uid) {
        Some(known) => known,
        None => {
            let read: Arc<[Uid]> = contacts::accepted_uids(core.store.db.read(), caller.uid)
                .await?
                .into();
            core.caches.contacts.insert(caller.uid, Arc::clone(&read));
            read
        }
    };
    Ok(contacts
        .iter()
        .map(|uid| (*uid, core.hub.is_online(*uid)))
        .collect())
}
