//! Takes somebody out of a chat.

use melo_domain::{ChatAction, LogId, Uid};
use melo_storage::chat_lists::{self, ChatList};
use serde_json::json;

use super::ChatError;
use super::change::begin;
use super::people::Left;
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// The member is out from now on, and may come back if they are added or invited. An invitation that waits is taken
/// back.
pub async fn remove_member(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    uid: Uid,
) -> Result<(), ChatError> {
    in_turn(|| async {
        let mut change = begin(core, log, caller.uid).await?;
        change.allow(ChatAction::RemoveMember).await?;
        if chat_lists::remove(&change.tx, ChatList::Invitations, log, uid).await? {
            return change.commit().await;
        }
        change.allow_on(ChatAction::RemoveMember, uid).await?;
        change.part(uid, Left::Removed).await?;
        let details = json!({ "user": uid });
        change.record(origin, Action::ChatRemove, &details).await?;
        change.commit().await
    })
    .await
}
