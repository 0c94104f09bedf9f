//! Takes one's own request back.

use melo_domain::{ContactStatus, EventKind, Uid};
use melo_storage::requests::UNANSWERED;
use melo_storage::{StorageError, blocks, contacts, requests};

use super::ContactError;
use super::notices::{Ended, Mailboxes};
use crate::account::check_csrf;
use crate::notices;
use crate::{Caller, Core};

/// Takes the request to `target` back. Who had been told of it is told of its end.
pub async fn cancel(
    core: &Core,
    caller: Caller,
    target: Uid,
    csrf_token: &str,
) -> Result<(), ContactError> {
    if !check_csrf(core, caller, csrf_token) {
        return Err(ContactError::Csrf);
    }
    let keys = &core.store.keys;
    let tx = core.store.db.begin().await?;
    let (before, _) = requests::hold(&tx, keys, caller.uid, target).await?;
    let before = before.ok_or(ContactError::NoPendingRequest)?.contact;
    // The row stays: it knows when a request was refused last, and whose private log may hold the caller's phone.
    let ended = ContactStatus::Ended;
    if !contacts::settle(&tx, caller.uid, target, UNANSWERED, ended).await? {
        return Err(ContactError::NoPendingRequest);
    }
    let (_, silent) = blocks::between(&tx, caller.uid, target).await?;
    let mailboxes = Mailboxes::of(&tx, &[caller.uid, target]).await?;
    let mut told = Vec::with_capacity(2);
    for (recipient, user_id) in [(caller.uid, target), (target, caller.uid)] {
        // Who was never told of the request is not told of its end.
        if recipient == target && (before.status != ContactStatus::Pending || silent) {
            continue;
        }
        let members = Ended {
            user_id,
            how: "cancelled",
            by: caller.uid,
        };
        let kind = EventKind::ContactRequestEnded;
        let notice = mailboxes.tell(core, &tx, recipient, kind, caller.uid, &members);
        told.push(notice.await?);
    }
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, told);
    Ok(())
}
