//! One account, as those see it who administer.

use melo_domain::{AdminAction, SessionKind, Uid};
use melo_storage::admin::people::{self, PersonView};
use melo_storage::admin::{devices, sessions};
use melo_storage::second_factors;
use serde_json::json;

use super::{Actor, AdminError, authorize};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// An account with its counts. Nothing of what the person has written.
pub struct PersonDetails {
    /// The account.
    pub person: PersonView,
    /// Devices.
    pub devices: u64,
    /// Live logins.
    pub sessions: u64,
    /// Live personal access tokens.
    pub tokens: u64,
    /// Whether a second factor is set up.
    pub second_factor: bool,
    /// Whether a device is connected to this node.
    pub online: bool,
}

/// The account of `uid`.
pub async fn view_person(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
) -> Result<(Actor, PersonDetails), AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewPeople, Some(uid)).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let person = people::find(db, keys, uid).await?;
    let details = PersonDetails {
        person: person.ok_or(AdminError::UserNotFound)?,
        devices: devices::count(db, uid).await?,
        sessions: sessions::count(db, uid, SessionKind::Login).await?,
        tokens: sessions::count(db, uid, SessionKind::Token).await?,
        second_factor: second_factors::is_confirmed(db, uid).await?,
        online: core.hub.is_online(uid),
    };
    let (action, object) = (Action::AdminView, Object::User(uid));
    let what = json!({"what": "account"});
    audit::record_alone(core, origin, Some(actor.uid), action, object, &what).await?;
    Ok((actor, details))
}
