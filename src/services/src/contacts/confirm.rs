//! Accepts a request: the two are contacts, and their conversation's log exists from now on.

use melo_crypto::random;
use melo_domain::{ContactStatus, EventKind, LogId, LogKind, Relation, Uid};
use melo_storage::contacts::{self, Contact};
use melo_storage::{StorageError, accounts, blocks, logs, privacy};
use serde::Serialize;

use super::ContactError;
use crate::account::check_csrf;
use crate::notices::{self, Recipient};
use crate::{Caller, Core, people};

#[derive(Serialize)]
struct Members<'a> {
    from_id: Uid,
    from_phone: Option<&'a str>,
    chat_log: LogId,
}

/// Accepts the request of `requester`.
pub async fn confirm(
    core: &Core,
    caller: Caller,
    requester: Uid,
    csrf_token: &str,
) -> Result<(), ContactError> {
    if !check_csrf(core, caller, csrf_token) {
        return Err(ContactError::Csrf);
    }
    let (keys, now) = (&core.store.keys, core.clock.now());
    let log = LogId::from_random(random::u64());
    let tx = core.store.db.begin().await?;
    let (blocked, silent) = blocks::between(&tx, caller.uid, requester).await?;
    if blocked {
        return Err(ContactError::Blocked);
    }
    let request = contacts::find(&tx, requester, caller.uid).await?;
    let secret = request.ok_or(ContactError::NoPendingRequest)?.secret;
    // The update decides between two confirmations at once.
    if !contacts::accept(&tx, requester, caller.uid, log).await? {
        return Err(ContactError::NoPendingRequest);
    }
    logs::create(
        &tx,
        keys,
        log,
        LogKind::Direct,
        &[requester, caller.uid],
        now,
    )
    .await?;
    // Both may have asked each other: then the other row is there and pending.
    if !contacts::accept(&tx, caller.uid, requester, log).await? {
        let back = Contact {
            uid: caller.uid,
            peer: requester,
            status: ContactStatus::Accepted,
            secret: false,
            log: Some(log),
        };
        contacts::insert(&tx, keys, &back, now).await?;
    }
    let other = accounts::find(&tx, keys, requester)
        .await?
        .ok_or(ContactError::UserNotFound)?;
    let own = accounts::find(&tx, keys, caller.uid)
        .await?
        .ok_or(ContactError::UserNotFound)?;
    let switches = privacy::of(&tx, keys, &[caller.uid]).await?;
    let audience = switches.first().map(|(_, p)| *p).unwrap_or_default().phone;
    let tells = !secret && audience.includes(Relation::Contact);
    let members = Members {
        from_id: caller.uid,
        from_phone: tells.then_some(own.phone.as_str()),
        chat_log: log,
    };
    let recipient = Recipient {
        uid: other.uid,
        private_log: other.private_log,
    };
    let kind = EventKind::SubscriptionConfirmed;
    // Nothing of who was blocked reaches who blocked them.
    let notice = if silent {
        None
    } else {
        Some(notices::append(core, &tx, recipient, kind, caller.uid, &members).await?)
    };
    tx.commit().await.map_err(StorageError::from)?;
    people::changed(core, caller.uid, &[requester]);
    notices::publish(core, notice);
    Ok(())
}
