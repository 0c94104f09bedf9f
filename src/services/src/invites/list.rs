//! The invites there are.

use melo_domain::AdminAction;
use melo_storage::invites::{self, Invite};

use super::InviteError;
use crate::admin::{MAX_PAGE, authorize};
use crate::{Caller, Core};

/// A page of invites by their ids, without their codes.
pub async fn list(
    core: &Core,
    caller: Caller,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<Invite>, InviteError> {
    authorize(core, caller, AdminAction::ManageInvites, None).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    Ok(invites::page(db, keys, after, limit.min(MAX_PAGE)).await?)
}
