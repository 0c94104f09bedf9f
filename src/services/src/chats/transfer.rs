//! Hands a chat to another owner.

use melo_domain::{ChatAction, ChatRole, EventKind, LogId, Uid};
use melo_storage::StorageError;
use melo_storage::accounts;
use melo_storage::chats::{self, ChatUpdate};
use serde_json::json;

use super::ChatError;
use super::change::{Change, begin};
use super::update::changes;
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Makes a member the owner; who was it before is an admin from now on.
pub async fn transfer(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    uid: Uid,
) -> Result<(), ChatError> {
    in_turn(|| async {
        let mut change = begin(core, log, caller.uid).await?;
        // An owner is nobody's superior but everybody else's: to hand the chat to oneself is refused.
        change.allow_on(ChatAction::TransferOwnership, uid).await?;
        // Held: a person becomes the owner of one chat at a time.
        if accounts::hold_standing(&change.tx, uid).await?.is_none() {
            return Err(ChatError::NotFound);
        }
        if chats::owned_by(&change.tx, uid).await? >= core.policy.chats.owned {
            return Err(ChatError::LimitReached(
                "this person owns as many chats as one may own",
            ));
        }
        change.rank(caller.uid, ChatRole::Admin).await?;
        change.give_to(uid).await?;
        let details = json!({ "user": uid });
        change
            .record(origin, Action::ChatTransfer, &details)
            .await?;
        change.commit().await
    })
    .await
}

impl Change<'_> {
    /// Makes a member the owner.
    pub(super) async fn give_to(&mut self, uid: Uid) -> Result<(), StorageError> {
        let update = ChatUpdate {
            owner: Some(uid),
            ..ChatUpdate::default()
        };
        chats::update(&self.tx, &self.core.store.keys, self.log(), &update).await?;
        self.rank(uid, ChatRole::Owner).await?;
        let told = changes(self.actor, json!({ "owner_id": uid }));
        self.append(EventKind::ChatChanged, &told).await?;
        Ok(())
    }
}
