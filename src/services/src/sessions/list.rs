//! One's own sessions.

use melo_domain::SessionKind;
use melo_storage::sessions::{self, SessionView};

use super::MAX_LISTED;
use crate::access::AccessError;
use crate::{Caller, Core};

/// The caller's live logins, newest first. Personal access tokens have a list of their own.
pub async fn list(core: &Core, caller: Caller) -> Result<Vec<SessionView>, AccessError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let mut live = sessions::live(db, keys, caller.uid, MAX_LISTED).await?;
    live.retain(|session| session.kind == SessionKind::Login);
    for session in &mut live {
        session.last_activity = core.activity.newest(session.id, session.last_activity);
    }
    Ok(live)
}
