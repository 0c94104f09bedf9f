//! Gives a member another role.

use melo_domain::{ChatAction, ChatRole, LogId, Uid};
use serde_json::json;

use super::ChatError;
use super::change::begin;
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Makes a member an admin, or an admin a member. Nobody becomes an owner this way: see [`super::transfer`].
pub async fn set_role(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    uid: Uid,
    role: ChatRole,
) -> Result<(), ChatError> {
    if role == ChatRole::Owner {
        return Err(ChatError::Forbidden);
    }
    in_turn(|| async {
        let mut change = begin(core, log, caller.uid).await?;
        let member = change.allow_on(ChatAction::ChangeRole, uid).await?;
        if member.role == role {
            return Ok(());
        }
        change.rank(uid, role).await?;
        let details = json!({ "user": uid, "role": role.as_str() });
        change.record(origin, Action::ChatRole, &details).await?;
        change.commit().await
    })
    .await
}
