//! What one sees of oneself and of one's contacts.

use std::collections::HashSet;
use std::sync::Arc;

use melo_domain::{
    ChatId, LogId, PresenceStatus, Privacy, Relation, ShownPresence, Timestamp, Uid, Whereabouts,
};
use melo_storage::{StorageError, blocks, contacts, logs};

use super::PresenceError;
use super::marks::{Live, read};
use super::seen::last_seen;
use crate::messages::Destination;
use crate::people::{privacies_of, privacy_of};
use crate::relations::Known;
use crate::{Caller, Core};

/// One's own state.
pub struct OwnPresence {
    /// As it is, whatever others are let see.
    pub status: PresenceStatus,
    /// When one was last there; now, while one is online.
    pub last_seen: Option<Timestamp>,
    /// The chat one is writing in.
    pub typing_in: Option<ChatId>,
}

/// A contact's state, as far as they let one see it.
pub struct ContactPresence {
    /// Who.
    pub uid: Uid,
    /// Offline and nothing more, where it is hidden.
    pub shown: ShownPresence,
    /// The chat they are writing in, if one is in it too.
    pub typing_in: Option<ChatId>,
    /// Whether they are writing to one.
    pub typing: bool,
}

/// The caller's own state.
pub async fn own(core: &Core, caller: Caller) -> Result<OwnPresence, PresenceError> {
    let uids = [caller.uid];
    let mut entries = read(core, &uids).await?;
    let live = entries.remove(&caller.uid).unwrap_or_default();
    let seen = last_seen(core, &uids).await?;
    let there = whereabouts(&live, seen.get(&caller.uid).copied());
    let shown = Privacy::default().shown(Relation::Oneself, there, core.now());
    Ok(OwnPresence {
        status: shown.status,
        last_seen: shown.last_seen,
        typing_in: chats(&live).next().map(ChatId),
    })
}

/// The state of every contact, in a constant number of queries.
pub async fn of_contacts(
    core: &Core,
    caller: Caller,
) -> Result<Vec<ContactPresence>, PresenceError> {
    let looked = look(core, caller).await?;
    let typed: Vec<LogId> = looked.iter().flat_map(|(_, live)| chats(live)).collect();
    let shared = if typed.is_empty() {
        HashSet::new()
    } else {
        logs::among(core.store.db.read(), caller.uid, &typed).await?
    };
    let all = looked.into_iter().map(|(mut presence, live)| {
        let both = chats(&live).find(|log| shared.contains(log));
        presence.typing_in = both.map(ChatId);
        presence
    });
    Ok(all.collect())
}

/// The same without looking for chats: for the answer to a ping.
pub async fn pong(core: &Core, caller: Caller) -> Result<Vec<ContactPresence>, PresenceError> {
    let looked = look(core, caller).await?;
    Ok(looked.into_iter().map(|(presence, _)| presence).collect())
}

/// Every contact as the caller sees them, and where they are writing if the caller may know at all.
async fn look(core: &Core, caller: Caller) -> Result<Vec<(ContactPresence, Live)>, PresenceError> {
    let contacts = contacts_of(core, caller.uid).await?;
    let open: Vec<Uid> = contacts
        .iter()
        .filter(|known| !known.blocked)
        .map(|known| known.uid)
        .collect();
    let mut entries = read(core, &open).await?;
    let seen = last_seen(core, &open).await?;
    let privacies = privacies_of(core, &open).await?;
    let typing = privacy_of(core, caller.uid).await?.typing;
    let now = core.now();
    let all = contacts.iter().map(|known| {
        let uid = known.uid;
        let mut live = entries.remove(&uid).unwrap_or_default();
        let privacy = privacies.get(&uid).copied().unwrap_or_default();
        let relation = if known.blocked {
            Relation::Blocked
        } else {
            Relation::Contact
        };
        if !(typing && privacy.typing) {
            live.writing.clear();
        }
        let there = whereabouts(&live, seen.get(&uid).copied());
        let presence = ContactPresence {
            uid,
            shown: privacy.shown(relation, there, now),
            typing_in: None,
            typing: live.writing.contains(&Destination::Person(caller.uid)),
        };
        (presence, live)
    });
    Ok(all.collect())
}

pub(super) fn whereabouts(live: &Live, seen: Option<Timestamp>) -> Whereabouts {
    Whereabouts {
        status: live.status,
        away_since: live.away_since,
        seen,
    }
}

fn chats(live: &Live) -> impl Iterator<Item = LogId> + '_ {
    live.writing.iter().filter_map(|place| match place {
        Destination::Chat(log) => Some(*log),
        Destination::Person(_) => None,
    })
}

async fn contacts_of(core: &Core, uid: Uid) -> Result<Arc<[Known]>, StorageError> {
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
