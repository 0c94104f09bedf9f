//! Deletes somebody's account.

use melo_domain::{AdminAction, Uid};

use super::{AdminError, authorize_on};
use crate::account::Leaving;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Deletes everything of `uid`, as the person themselves could. Cannot be undone.
pub async fn delete_account(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    uid: Uid,
    reason: &str,
) -> Result<(), AdminError> {
    in_turn(|| async {
        let leaving = Leaving::begin(core, uid).await?;
        let action = AdminAction::DeleteAccount;
        let actor = authorize_on(core, leaving.tx(), caller, action, Some(uid)).await?;
        leaving.erase(origin, actor.uid, Some(reason)).await?;
        Ok(())
    })
    .await
}
