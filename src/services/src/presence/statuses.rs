//! What anybody may know of some people, in the words of existing clients.

use std::collections::HashMap;

use melo_domain::{AccountState, ContactStatus, Relation, Uid};
use melo_storage::{blocks, contacts, presence};

use super::PresenceError;
use super::marks::read;
use super::seen::last_seen;
use super::view::whereabouts;
use crate::limits::{self, Limit};
use crate::messages::Destination;
use crate::people::{privacies_of, privacy_of};
use crate::{Caller, Core};

/// People in one question, at most.
pub const MAX_ASKED: usize = 100;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    /// `online`, `was at <time>`, `inactive`; `closed` for a contact whose account is no longer used, `not_subscribed` for
    /// whom one may not see, `not_found`.
    pub status: String,
    /// Whether they are writing to the caller.
    pub typing: bool,
}

/// The state of these people, in a constant number of queries. Each who is no contact counts as a look at a stranger.
pub async fn statuses(
    core: &Core,
    caller: Caller,
    asked: &[Uid],
) -> Result<HashMap<Uid, StatusView>, PresenceError> {
    let db = core.store.db.read();
    let standing = presence::states(db, asked).await?;
    let known = contacts::standing_to(db, caller.uid, asked).await?;
    let blocked = blocks::around(db, caller.uid).await?;
    let relation = |uid: &Uid| match known.get(uid) {
        _ if *uid == caller.uid => Relation::Oneself,
        _ if blocked.contains(uid) => Relation::Blocked,
        Some(ContactStatus::Accepted) => Relation::Contact,
        _ => Relation::Stranger,
    };
    for uid in asked {
        let familiar = matches!(
            known.get(uid),
            Some(ContactStatus::Accepted | ContactStatus::Gone)
        );
        if !familiar && *uid != caller.uid {
            limits::take(core, Limit::Stranger, caller.uid).await?;
        }
    }
    let entries = read(core, asked).await?;
    let seen = last_seen(core, asked).await?;
    let privacies = privacies_of(core, asked).await?;
    let typing = privacy_of(core, caller.uid).await?.typing;
    let now = core.now();
    let view = |uid: &Uid| {
        let plain = |status: &str| StatusView {
            status: status.to_owned(),
            typing: false,
        };
        let contact = known.get(uid) == Some(&ContactStatus::Accepted);
        let relation = relation(uid);
        let Some(state) = standing.get(uid) else {
            let gone = known.get(uid) == Some(&ContactStatus::Gone);
            return plain(if gone { "closed" } else { "not_found" });
        };
        let privacy = privacies.get(uid).copied().unwrap_or_default();
        let shows = privacy.online.includes(relation) || privacy.last_seen.includes(relation);
        if !contact && relation != Relation::Oneself && !shows {
            return plain("not_subscribed");
        }
        if relation == Relation::Blocked {
            return plain("inactive");
        }
        if *state != AccountState::Active {
            return plain(if contact { "closed" } else { "not_subscribed" });
        }
        let live = entries.get(uid).cloned().unwrap_or_default();
        let shown = privacy.shown(relation, whereabouts(&live, seen.get(uid).copied()), now);
        let writes = live.writing.contains(&Destination::Person(caller.uid));
        StatusView {
            status: shown.in_words(),
            typing: contact && typing && privacy.typing && writes,
        }
    };
    Ok(asked.iter().map(|uid| (*uid, view(uid))).collect())
}
