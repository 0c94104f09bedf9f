//! Which of one's contacts are connected, as far as they let one see it.

use std::sync::Arc;

use melo_domain::{Area, Level, Relation, Scope, Uid};
use melo_storage::{blocks, contacts};

use super::ContactError;
use crate::people::privacies_of;
use crate::relations::Known;
use crate::{Caller, Core};

/// What a personal access token needs to see others with.
const PRESENCE: Scope = Scope {
    area: Area::Users,
    level: Level::Read,
};

/// Every accepted contact and whether they have a live connection. Who hides it reads like somebody who has none.
/// A personal access token without the scope sees nobody.
pub async fn presence(core: &Core, caller: Caller) -> Result<Vec<(Uid, bool)>, ContactError> {
    if !caller.grant.allows(PRESENCE) {
        return Ok(Vec::new());
    }
    let contacts = contacts_of(core, caller.uid).await?;
    let connected: Vec<Uid> = contacts
        .iter()
        .filter(|known| !known.blocked && core.hub.is_online(known.uid))
        .map(|known| known.uid)
        .collect();
    let privacies = privacies_of(core, &connected).await?;
    let shown = |uid: &Uid| {
        let privacy = privacies.get(uid).copied().unwrap_or_default();
        connected.contains(uid) && privacy.online.includes(Relation::Contact)
    };
    Ok(contacts
        .iter()
        .map(|known| (known.uid, shown(&known.uid)))
        .collect())
}

async fn contacts_of(core: &Core, uid: Uid) -> Result<Arc<[Known]>, ContactError> {
    let relations = &core.caches.relations;
    if let Some(known) = relations.contacts.get(&uid) {
        return Ok(known);
    }
    let asked = relations.epoch();
    let db = core.store.db.read();
    let around = blocks::around(db, uid).await?;
    let read: Arc<[Known]> = contacts::accepted_uids(db, uid)
        .await?
        .into_iter()
        .map(|uid| Known {
            uid,
            blocked: around.contains(&uid),
        })
        .collect();
    relations.remember(asked, &relations.contacts, uid, Arc::clone(&read));
    Ok(read)
}
