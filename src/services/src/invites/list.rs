//! The invites there are.

use melo_domain::AdminAction;
use melo_storage::invites::{self, Invite};

use super::InviteError;
use crate::admin::authorize;
use crate::{Caller, Core};

/// Invites in one answer, at most.
const MOST: u64 = 500;

/// All invites, newest first, without their codes.
pub async fn list(core: &Core, caller: Caller) -> Result<Vec<Invite>, InviteError> {
    authorize(core, caller, AdminAction::ManageInvites, None).await?;
    Ok(invites::list(core.store.db.read(), &core.store.keys, MOST).await?)
}
