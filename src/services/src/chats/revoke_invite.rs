//! Takes an invite back.

use melo_domain::ChatAction;
use melo_storage::chat_invites;
use serde_json::json;

use super::ChatError;
use super::change::begin;
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// From now on nobody comes in with it. Whoever did stays.
pub async fn revoke_invite(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    id: i64,
) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, origin, id)).await
}

async fn attempt(core: &Core, caller: Caller, origin: &Origin, id: i64) -> Result<(), ChatError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let invite = chat_invites::by_id(db, keys, id).await?;
    // The public code is taken away by making the chat private.
    let invite = invite.filter(|invite| !invite.public);
    let log = invite.ok_or(ChatError::NotFound)?.chat;
    let change = match begin(core, log, caller.uid).await {
        // Whoever is not in the chat does not learn that there is such an invite.
        Err(ChatError::NotAMember) => return Err(ChatError::NotFound),
        begun => begun?,
    };
    match change.allow(ChatAction::ManageInvites).await {
        Err(ChatError::NotAMember) => return Err(ChatError::NotFound),
        allowed => allowed?,
    };
    if !chat_invites::remove(&change.tx, id).await? {
        return Err(ChatError::NotFound);
    }
    let details = json!({ "invite": id });
    change
        .record(origin, Action::ChatInviteRevoke, &details)
        .await?;
    change.commit().await
}
