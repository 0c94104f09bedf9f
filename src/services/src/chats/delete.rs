//! Deletes a chat for everybody.

use melo_domain::{ChatAction, ChatId, EventKind, LogId, Uid};
use melo_storage::{StorageError, chat_members, chats};

use super::ChatError;
use super::change::{Change, begin};
use super::people::{ChatRemoved, Left};
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin, notices};

/// Deletes the chat with everything in it. Everybody who was in it is told in their private log.
pub async fn delete(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, origin, log)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
) -> Result<(), ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    change.allow(ChatAction::DeleteChat).await?;
    change.dissolve().await?;
    change.record(origin, Action::ChatDelete, &()).await?;
    change.commit().await
}

impl Change<'_> {
    /// Takes everybody out and everything away.
    pub(super) async fn dissolve(&mut self) -> Result<(), StorageError> {
        let log = self.log();
        let members = chat_members::all(&self.tx, log).await?;
        let members: Vec<Uid> = members.iter().map(|member| member.uid).collect();
        let last = self.last_leave().await?;
        let notice = ChatRemoved {
            chat_id: ChatId(log),
            chat_log: log,
            how: Left::Deleted,
            by: self.actor,
        };
        let recipients = notices::recipients(&self.tx, &members).await?;
        self.notify(&recipients, EventKind::ChatRemoved, &notice)
            .await?;
        for uid in members {
            self.is_gone(uid);
        }
        chats::delete(&self.tx, log, last).await
    }
}
