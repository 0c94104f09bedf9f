//! Refuses a request. Who asked is not told: to them it stays unanswered.

use melo_domain::{EventKind, Uid};
use melo_storage::{StorageError, blocks, requests};

use super::ContactError;
use super::notices::{Ended, Mailboxes};
use crate::account::check_csrf;
use crate::notices;
use crate::{Caller, Core};

/// Refuses the request of `requester`.
pub async fn reject(
    core: &Core,
    caller: Caller,
    requester: Uid,
    csrf_token: &str,
) -> Result<(), ContactError> {
    if !check_csrf(core, caller, csrf_token) {
        return Err(ContactError::Csrf);
    }
    let (keys, now) = (&core.store.keys, core.clock.now());
    let tx = core.store.db.begin().await?;
    let (blocked, _) = blocks::between(&tx, caller.uid, requester).await?;
    if blocked {
        return Err(ContactError::Blocked);
    }
    // The update decides between answers at once.
    if !requests::refuse(&tx, keys, requester, caller.uid, now).await? {
        return Err(ContactError::NoPendingRequest);
    }
    let mailboxes = Mailboxes::of(&tx, &[caller.uid]).await?;
    let members = Ended {
        user_id: requester,
        how: "rejected",
        by: caller.uid,
    };
    let kind = EventKind::ContactRequestEnded;
    let told = mailboxes
        .tell(core, &tx, caller.uid, kind, caller.uid, &members)
        .await?;
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, [told]);
    Ok(())
}
