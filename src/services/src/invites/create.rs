//! A new invite.

use std::time::Duration;

use melo_crypto::{BearerToken, random};
use melo_domain::{AdminAction, Secret};
use melo_storage::StorageError;
use melo_storage::invites::{self, Invite};
use serde_json::json;

use super::InviteError;
use crate::admin::authorize_on;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Origin};

/// What it is to be good for.
pub struct NewInvite {
    /// Accounts.
    pub uses: u32,
    /// Time.
    pub life: Duration,
    /// For its maker.
    pub note: Option<String>,
}

/// Makes an invite. Its code is told this once.
pub async fn create(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    new: NewInvite,
) -> Result<(Invite, Secret), InviteError> {
    let now = core.now();
    let (code, hash) = BearerToken::generate();
    let invite = Invite {
        id: i64::try_from(random::u64() >> 1).unwrap_or(1),
        created_by: caller.uid,
        uses: new.uses,
        uses_left: new.uses,
        note: new.note,
        created: now,
        expires: now.plus(new.life),
    };
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::ManageInvites, None).await?;
    invites::insert(&tx, &core.store.keys, &hash, &invite).await?;
    let details = json!({"uses": invite.uses, "expires": invite.expires});
    let (action, object) = (Action::InviteCreate, Object::Invite(invite.id));
    audit::record(core, &tx, origin, Some(actor.uid), action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok((invite, code))
}
