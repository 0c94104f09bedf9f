//! Ends a contact: nobody writes into the conversation any more, and both go on reading it.

use melo_domain::{ContactStatus, EventKind, Uid};
use melo_storage::{StorageError, blocks, contacts, requests};

use super::ContactError;
use super::notices::{Conversation, Mailboxes};
use crate::{Caller, Core, notices, people};

/// Takes `peer` out of the caller's contacts, and the caller out of theirs.
pub async fn remove(core: &Core, caller: Caller, peer: Uid) -> Result<(), ContactError> {
    let keys = &core.store.keys;
    let tx = core.store.db.begin().await?;
    let (own, _) = requests::hold(&tx, keys, caller.uid, peer).await?;
    let own = own.ok_or(ContactError::NotAContact)?.contact;
    let (from, to) = ([ContactStatus::Accepted], ContactStatus::Ended);
    if !contacts::settle(&tx, caller.uid, peer, &from, to).await? {
        return Err(ContactError::NotAContact);
    }
    contacts::settle(&tx, peer, caller.uid, &from, to).await?;
    let log = own.log;
    let chat_log = log.ok_or(StorageError::Corrupt("contact without a log"))?;
    let (_, silent) = blocks::between(&tx, caller.uid, peer).await?;
    let mailboxes = Mailboxes::of(&tx, &[caller.uid, peer]).await?;
    let mut told = Vec::with_capacity(2);
    for (recipient, user_id) in [(caller.uid, peer), (peer, caller.uid)] {
        // Nothing of who was blocked reaches who blocked them.
        if recipient == peer && silent {
            continue;
        }
        let members = Conversation { user_id, chat_log };
        let kind = EventKind::ContactRemoved;
        let notice = mailboxes.tell(core, &tx, recipient, kind, caller.uid, &members);
        told.push(notice.await?);
    }
    tx.commit().await.map_err(StorageError::from)?;
    people::changed(core, caller.uid, &[peer]);
    notices::publish(core, told);
    Ok(())
}
