//! Accepts a request: the two are contacts, and their conversation's log exists from now on, or goes on.

use melo_crypto::random;
use melo_domain::{ContactStatus, EventKind, LogId, LogKind, Relation, Uid};
use melo_storage::contacts::{self, Contact};
use melo_storage::{StorageError, accounts, blocks, logs, privacy, requests};
use serde::Serialize;

use super::ContactError;
use super::notices::Conversation;
use crate::account::check_csrf;
use crate::notices::{self, Recipient};
use crate::{Caller, Core, people};

/// What a request that can be accepted is. One that is held waits behind a block, which was looked at before.
const WAITING: &[ContactStatus] = &[ContactStatus::Pending, ContactStatus::Held];
/// However the caller stood to the other: both are contacts now.
const ANY: &[ContactStatus] = &[
    ContactStatus::Pending,
    ContactStatus::Held,
    ContactStatus::Rejected,
    ContactStatus::Ended,
];

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
    let tx = core.store.db.begin().await?;
    let (blocked, silent) = blocks::between(&tx, caller.uid, requester).await?;
    if blocked {
        return Err(ContactError::Blocked);
    }
    let (request, own) = requests::hold(&tx, keys, requester, caller.uid).await?;
    let request = request.ok_or(ContactError::NoPendingRequest)?.contact;
    let secret = request.secret;
    // Who were contacts before go on in the same conversation.
    let earlier = request.log.or(own.and_then(|own| own.contact.log));
    let log = earlier.unwrap_or_else(|| LogId::from_random(random::u64()));
    // The update decides between answers at once.
    if !contacts::accept(&tx, requester, caller.uid, WAITING, log).await? {
        return Err(ContactError::NoPendingRequest);
    }
    if earlier.is_none() {
        let members = [requester, caller.uid];
        logs::create(&tx, keys, log, LogKind::Direct, &members, now).await?;
    }
    // They may have asked each other, or been contacts: then the other row is there.
    if own.is_none() {
        let back = Contact {
            uid: caller.uid,
            peer: requester,
            status: ContactStatus::Accepted,
            secret: false,
            log: Some(log),
        };
        contacts::insert(&tx, keys, &back, now).await?;
    } else {
        contacts::accept(&tx, caller.uid, requester, ANY, log).await?;
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
    let mut told = Vec::with_capacity(2);
    if !silent {
        told.push(notices::append(core, &tx, recipient, kind, caller.uid, &members).await?);
    }
    let mailbox = Recipient {
        uid: own.uid,
        private_log: own.private_log,
    };
    let accepted = Conversation {
        user_id: requester,
        chat_log: log,
    };
    let kind = EventKind::ContactAccepted;
    told.push(notices::append(core, &tx, mailbox, kind, caller.uid, &accepted).await?);
    tx.commit().await.map_err(StorageError::from)?;
    people::changed(core, caller.uid, &[requester]);
    notices::publish(core, told);
    Ok(())
}
