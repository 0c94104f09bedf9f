//! Somebody's live sessions.

use melo_domain::{AdminAction, SessionId, Uid};
use melo_storage::admin::sessions;
use melo_storage::sessions::SessionView;
use serde_json::json;

use super::{AdminError, MAX_PAGE, authorize};
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// A page of the live sessions of `uid`, those of personal access tokens among them.
pub async fn list_sessions(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    after: Option<SessionId>,
    limit: u64,
) -> Result<Vec<SessionView>, AdminError> {
    let actor = authorize(core, caller, AdminAction::ViewPeople, Some(uid)).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = sessions::page(db, keys, uid, after, limit.min(MAX_PAGE)).await?;
    let (action, object) = (Action::AdminView, Object::User(uid));
    let details = json!({"what": "sessions"});
    audit::record_alone(core, origin, Some(actor.uid), action, object, &details).await?;
    Ok(found)
}
