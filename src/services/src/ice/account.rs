//! Whose a pseudonym is.

use melo_domain::{SessionId, Uid};
use melo_ephemeral::Kind;
use serde::{Deserialize, Serialize};

use crate::account::known_session;
use crate::{Core, Fault};

/// For whom credentials were made.
#[derive(Serialize, Deserialize)]
pub(super) struct Holder {
    pub uid: Uid,
    pub session: SessionId,
}

/// The person behind a pseudonym, as long as their session lives: locks, bans and deletions end sessions. After a
/// restart without an outside store nobody is known; clients ask for fresh credentials before each call.
pub async fn account(core: &Core, pseudonym: &str) -> Result<Option<Uid>, Fault> {
    let ids = [pseudonym.as_bytes().to_vec()];
    let kept = core.ephemeral.leases(Kind::Relay, &ids).await?;
    let holder = kept
        .first()
        .and_then(|leases| leases.first())
        .and_then(|bytes| serde_json::from_slice::<Holder>(bytes).ok());
    let Some(holder) = holder else {
        return Ok(None);
    };
    let session = known_session(core, holder.session).await?;
    let lives = session.is_some_and(|session| session.active && session.uid == holder.uid);
    Ok(lives.then_some(holder.uid))
}
