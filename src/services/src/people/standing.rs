//! How two people stand to each other, and what that lets them see. Answered from memory where it was asked before.

use std::collections::HashMap;

use melo_domain::{Audience, ContactStatus, Privacy, Relation, Uid};
use melo_realtime::BusMessage;
use melo_storage::{StorageError, blocks, contacts, privacy};

use crate::Core;
use crate::relations::Blocks;

/// Who of the two has blocked the other.
pub(crate) async fn blocks_between(
    core: &Core,
    one: Uid,
    other: Uid,
) -> Result<Blocks, StorageError> {
    let relations = &core.caches.relations;
    if let Some(known) = relations.blocks.get(&(one, other)) {
        return Ok(known);
    }
    let asked = relations.epoch();
    let (own, theirs) = blocks::between(core.store.db.read(), one, other).await?;
    let read = Blocks { own, theirs };
    relations.remember(asked, &relations.blocks, (one, other), read);
    Ok(read)
}

/// A person's switches.
pub(crate) async fn privacy_of(core: &Core, uid: Uid) -> Result<Privacy, StorageError> {
    let all = privacies_of(core, &[uid]).await?;
    Ok(all.get(&uid).copied().unwrap_or_default())
}

/// The switches of these people, in one query at most.
pub(crate) async fn privacies_of(
    core: &Core,
    uids: &[Uid],
) -> Result<HashMap<Uid, Privacy>, StorageError> {
    let relations = &core.caches.relations;
    let mut found = HashMap::with_capacity(uids.len());
    let mut unknown = Vec::new();
    for uid in uids {
        match relations.privacy.get(uid) {
            Some(privacy) => {
                found.insert(*uid, privacy);
            }
            None => unknown.push(*uid),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let asked = relations.epoch();
    let rows = privacy::of(core.store.db.read(), &core.store.keys, &unknown).await?;
    let rows: HashMap<Uid, Privacy> = rows.into_iter().collect();
    for uid in unknown {
        let privacy = rows.get(&uid).copied().unwrap_or_default();
        relations.remember(asked, &relations.privacy, uid, privacy);
        found.insert(uid, privacy);
    }
    Ok(found)
}

/// How `viewer` stands to `owner`.
pub(crate) async fn relation(
    core: &Core,
    viewer: Uid,
    owner: Uid,
) -> Result<Relation, StorageError> {
    if viewer == owner {
        return Ok(Relation::Oneself);
    }
    if blocks_between(core, viewer, owner).await?.any() {
        return Ok(Relation::Blocked);
    }
    let contact = contacts::find(core.store.db.read(), viewer, owner).await?;
    let accepted = contact.is_some_and(|c| c.status == ContactStatus::Accepted);
    Ok(if accepted {
        Relation::Contact
    } else {
        Relation::Stranger
    })
}

/// Whether `owner` lets `viewer` see what the switch that `which` picks is about.
pub(crate) async fn may_see(
    core: &Core,
    viewer: Uid,
    owner: Uid,
    which: impl FnOnce(&Privacy) -> Audience,
) -> Result<bool, StorageError> {
    let relation = relation(core, viewer, owner).await?;
    if matches!(relation, Relation::Oneself | Relation::Blocked) {
        return Ok(relation == Relation::Oneself);
    }
    let privacy = privacy_of(core, owner).await?;
    Ok(which(&privacy).includes(relation))
}

/// To be called after the commit of whatever changes how `uid` stands to `peers`, or `uid`'s switches.
pub(crate) fn changed(core: &Core, uid: Uid, peers: &[Uid]) {
    // Here at once, whatever way the bus takes.
    core.caches.relations.forget(uid, peers);
    core.bus.publish(BusMessage::RelationsChanged {
        uid,
        peers: peers.into(),
    });
}
