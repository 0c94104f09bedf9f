//! Asks somebody to become a contact.

use melo_domain::{ContactStatus, EventKind, Uid};
use melo_storage::contacts::{self, Contact};
use melo_storage::{StorageError, accounts};
use serde::Serialize;

use super::ContactError;
use crate::account::check_csrf;
use crate::limits::{self, Limit};
use crate::notices::{self, Recipient};
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
    let relation = Contact {
        uid: caller.uid,
        peer: input.target,
        status: ContactStatus::Pending,
        secret: input.secret,
        log: None,
    };
    match contacts::insert(&tx, keys, &relation, core.clock.now()).await {
        Err(error) if error.is_unique_violation() => return Err(ContactError::AlreadySubscribed),
        other => other?,
    }
    let members = Members {
        from_id: caller.uid,
        from_phone: (!input.secret).then_some(own.phone.as_str()),
        secret: input.secret,
    };
    let recipient = Recipient {
        uid: target.uid,
        private_log: target.private_log,
    };
    let notice = notices::append(
        core,
        &tx,
        recipient,
        EventKind::SubscriptionRequest,
        caller.uid,
        &members,
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, [notice]);
    Ok(())
}
