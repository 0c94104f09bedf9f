//! Asks somebody to become a contact.

use melo_domain::{ContactStatus, EventKind, Relation, Uid};
use melo_storage::accounts::{self, Account};
use melo_storage::contacts::{self, Contact};
use melo_storage::{ConnectionTrait, StorageError, blocks, privacy};
use serde::Serialize;

use super::ContactError;
use crate::account::check_csrf;
use crate::limits::{self, Limit};
use crate::notices::{self, Notice, Recipient};
use crate::{Caller, Core};

/// A request.
pub struct SubscribeInput {
    /// Whom.
    pub target: Uid,
    /// Keep one's phone from them.
    pub secret: bool,
    /// Of the caller's session.
    pub csrf_token: String,
}

#[derive(Serialize)]
struct Members<'a> {
    from_id: Uid,
    from_phone: Option<&'a str>,
    secret: bool,
}

/// Writes the request and puts it into the target's private log, in one transaction.
pub async fn subscribe(
    core: &Core,
    caller: Caller,
    input: &SubscribeInput,
) -> Result<(), ContactError> {
    if !check_csrf(core, caller, &input.csrf_token) {
        return Err(ContactError::Csrf);
    }
    if input.target == caller.uid {
        return Err(ContactError::SelfTarget);
    }
    limits::take(core, Limit::Subscribe, caller.uid).await?;
    let keys = &core.store.keys;
    let tx = core.store.db.begin().await?;
    let target = accounts::find(&tx, keys, input.target)
        .await?
        .ok_or(ContactError::UserNotFound)?;
    let own = accounts::find(&tx, keys, caller.uid)
        .await?
        .ok_or(ContactError::UserNotFound)?;
    let (blocked, held) = blocks::between(&tx, caller.uid, input.target).await?;
    if blocked {
        return Err(ContactError::Blocked);
    }
    let relation = Contact {
        uid: caller.uid,
        peer: input.target,
        // To whom was blocked it looks the same; it is told if the block is lifted one day.
        status: if held {
            ContactStatus::Held
        } else {
            ContactStatus::Pending
        },
        secret: input.secret,
        log: None,
    };
    match contacts::insert(&tx, keys, &relation, core.clock.now()).await {
        Err(error) if error.is_unique_violation() => return Err(ContactError::AlreadySubscribed),
        other => other?,
    }
    let notice = if held {
        None
    } else {
        Some(request_notice(core, &tx, &own, &target, input.secret).await?)
    };
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, notice);
    Ok(())
}

/// Puts a request into the private log of `asked`. The phone goes with it if `asking` lets everybody have it and
/// did not ask secretly.
pub(crate) async fn request_notice(
    core: &Core,
    tx: &impl ConnectionTrait,
    asking: &Account,
    asked: &Account,
    secret: bool,
) -> Result<Notice, StorageError> {
    let switches = privacy::of(tx, &core.store.keys, &[asking.uid]).await?;
    let audience = switches.first().map(|(_, p)| *p).unwrap_or_default().phone;
    let tells = !secret && audience.includes(Relation::Stranger);
    let members = Members {
        from_id: asking.uid,
        from_phone: tells.then_some(asking.phone.as_str()),
        secret,
    };
    let recipient = Recipient {
        uid: asked.uid,
        private_log: asked.private_log,
    };
    let kind = EventKind::SubscriptionRequest;
    notices::append(core, tx, recipient, kind, asking.uid, &members).await
}
