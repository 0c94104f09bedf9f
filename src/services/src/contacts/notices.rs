//! What contact calls put into private logs, for one's own devices and the other person's.

use std::collections::HashMap;

use melo_domain::{EventKind, LogId, Uid};
use melo_storage::{DatabaseTransaction, StorageError, accounts};
use serde::Serialize;

use crate::Core;
use crate::notices::{self, Notice, Recipient};

/// `contact_requested`: the owner asked somebody.
#[derive(Serialize)]
pub(super) struct Requested {
    pub user_id: Uid,
    pub secret: bool,
}

/// `contact_accepted` and `contact_removed`: the two have, or had, this conversation.
#[derive(Serialize)]
pub(super) struct Conversation {
    pub user_id: Uid,
    pub chat_log: LogId,
}

/// `contact_request_ended`.
#[derive(Serialize)]
pub(super) struct Ended {
    pub user_id: Uid,
    /// `rejected` or `cancelled`.
    pub how: &'static str,
    /// Who did it: of two who asked each other it says which request ended.
    pub by: Uid,
}

/// The private logs of two people.
pub(super) struct Mailboxes(HashMap<Uid, LogId>);

impl Mailboxes {
    pub(super) async fn of(tx: &DatabaseTransaction, uids: &[Uid]) -> Result<Self, StorageError> {
        let logs = accounts::private_logs(tx, uids).await?;
        Ok(Self(logs.into_iter().collect()))
    }

    /// Puts a notice into the log of `uid`.
    pub(super) async fn tell(
        &self,
        core: &Core,
        tx: &DatabaseTransaction,
        uid: Uid,
        kind: EventKind,
        sender: Uid,
        members: &impl Serialize,
    ) -> Result<Notice, StorageError> {
        let log = self.0.get(&uid).copied();
        let recipient = Recipient {
            uid,
            private_log: log.ok_or(StorageError::Corrupt("contact without a user"))?,
        };
        notices::append(core, tx, recipient, kind, sender, members).await
    }
}
