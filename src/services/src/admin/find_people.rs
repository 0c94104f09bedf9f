//! Finds people: one by what identifies them, or page by page.

use melo_domain::{AccountState, AdminAction, Role, Uid};
use melo_storage::admin::people::{self, Lookup, PeopleFilter, PersonView};
use serde_json::json;

use super::{Actor, AdminError, MAX_PAGE, authorize};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// Whoever has exactly this id, phone or username. The entry in the audit log says whom it found, not what was
/// typed.
pub async fn find_people(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    wanted: &Lookup,
) -> Result<(Actor, Vec<PersonView>), AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewPeople, None).await?;
    let found = people::look_up(core.store.db.read(), &core.store.keys, wanted).await?;
    let uids: Vec<Uid> = found.iter().map(|person| person.uid).collect();
    let (action, object) = (Action::AdminSearch, Object::Server);
    let details = json!({"found": uids});
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok((actor, found))
}

/// A page of people, by their ids.
pub async fn list_people(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    filter: PeopleFilter,
    after: Option<Uid>,
    limit: u64,
) -> Result<(Actor, Vec<PersonView>), AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewPeople, None).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = people::page(db, keys, filter, after, limit.min(MAX_PAGE)).await?;
    let (action, object) = (Action::AdminSearch, Object::Server);
    let details = json!({
        "state": filter.state.map(AccountState::as_str),
        "role": filter.role.map(Role::as_str),
        "after": after,
        "listed": found.len(),
    });
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok((actor, found))
}
