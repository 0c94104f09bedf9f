//! Deletes somebody's account.

use melo_domain::{AdminAction, Uid};

use super::{AdminError, authorize};
use crate::account;
use crate::{Caller, Core, Origin};

/// Deletes everything of `uid`, as the person themselves could. Cannot be undone.
pub async fn delete_account(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    reason: &str,
) -> Result<(), AdminError> {
    let actor = authorize(core, caller, AdminAction::DeleteAccount, Some(uid)).await?;
    account::erase(core, origin, actor.uid, uid, Some(reason)).await?;
    Ok(())
}
