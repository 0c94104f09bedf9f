//! Sets one's own switches. They count from the answer on.

use melo_domain::{Audience, Privacy};
use melo_storage::{StorageError, accounts, privacy};
use serde_json::json;

use super::{PeopleError, changed};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin, presence};

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrivacyUpdate {
    /// See [`Privacy`].
    pub last_seen: Option<Audience>,
    /// See [`Privacy`].
    pub online: Option<Audience>,
    /// See [`Privacy`].
    pub avatar: Option<Audience>,
    /// See [`Privacy`].
    pub phone: Option<Audience>,
    /// See [`Privacy`].
    pub username_search: Option<Audience>,
    /// See [`Privacy`].
    pub read_receipts: Option<bool>,
    /// See [`Privacy`].
    pub typing: Option<bool>,
}

impl PrivacyUpdate {
    /// The switches after it, and the names of those it sets.
    fn apply(self, before: Privacy) -> (Privacy, Vec<&'static str>) {
        let mut after = before;
        let mut set = Vec::new();
        let audiences = [
            ("last_seen", self.last_seen, &mut after.last_seen),
            ("online", self.online, &mut after.online),
            ("avatar", self.avatar, &mut after.avatar),
            ("phone", self.phone, &mut after.phone),
            (
                "username_search",
                self.username_search,
                &mut after.username_search,
            ),
        ];
        for (name, new, place) in audiences {
            if let Some(new) = new {
                *place = new;
                set.push(name);
            }
        }
        let switches = [
            (
                "read_receipts",
                self.read_receipts,
                &mut after.read_receipts,
            ),
            ("typing", self.typing, &mut after.typing),
        ];
        for (name, new, place) in switches {
            if let Some(new) = new {
                *place = new;
                set.push(name);
            }
        }
        (after, set)
    }
}

/// Applies the changes and returns all switches. Two calls at once do not undo each other.
pub async fn set_privacy(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    update: PrivacyUpdate,
) -> Result<Privacy, PeopleError> {
    let keys = &core.store.keys;
    let tx = core.store.db.begin().await?;
    if accounts::hold_standing(&tx, caller.uid).await?.is_none() {
        return Err(PeopleError::UserNotFound);
    }
    let before = privacy::of(&tx, keys, &[caller.uid]).await?;
    let before = before.first().map(|(_, p)| *p).unwrap_or_default();
    let (after, fields) = update.apply(before);
    if after == before {
        return Ok(before);
    }
    privacy::set(&tx, keys, caller.uid, &after).await?;
    let (actor, object) = (Some(caller.uid), Object::User(caller.uid));
    let details = json!({ "fields": fields });
    let action = Action::PrivacyUpdate;
    audit::record(core, &tx, origin, actor, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    changed(core, caller.uid, &[]);
    presence::note(core, caller.uid);
    Ok(after)
}
