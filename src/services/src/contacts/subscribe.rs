//! Asks somebody to become a contact.

use std::time::Duration;

use melo_domain::{ContactStatus, EventKind, Relation, Timestamp};
use melo_storage::accounts::{self, Account};
use melo_storage::contacts::Contact;
use melo_storage::requests::{self, Asked};
use melo_storage::{ConnectionTrait, StorageError, blocks, privacy};
use serde::Serialize;

use super::ContactError;
use super::notices::Requested;
use crate::account::check_csrf;
use crate::limits::{self, Limit};
use crate::notices::{self, Notice, Recipient};
use crate::{Caller, Core};

/// A request that was not accepted can be made again after this long; one that was refused is told to nobody before.
pub const ASK_AGAIN_AFTER: Duration = Duration::from_hours(7 * 24);

/// A request.
pub struct SubscribeInput {
    /// Whom.
    pub target: melo_domain::Uid,
    /// Keep one's phone from them.
    pub secret: bool,
    /// Of the caller's session.
    pub csrf_token: String,
}

#[derive(Serialize)]
struct Members<'a> {
    from_id: melo_domain::Uid,
    from_phone: Option<&'a str>,
    secret: bool,
}

/// What becomes of a request, by how the caller stood to the other before; `None`: there is one already. Whether the
/// earlier one was refused, or never reached anybody, makes no difference that the caller could see.
fn verdict(before: Option<&Asked>, blocked: bool, now: Timestamp) -> Option<ContactStatus> {
    let fresh = if blocked {
        ContactStatus::Held
    } else {
        ContactStatus::Pending
    };
    let Some(before) = before else {
        return Some(fresh);
    };
    let early = |at: Timestamp| now.since(at) < ASK_AGAIN_AFTER;
    match before.contact.status {
        ContactStatus::Accepted | ContactStatus::Gone => return None,
        ContactStatus::Pending | ContactStatus::Held | ContactStatus::Rejected => {
            if early(before.at) {
                return None;
            }
        }
        ContactStatus::Ended => {}
    }
    Some(if before.refused.is_some_and(early) {
        ContactStatus::Rejected
    } else {
        fresh
    })
}

/// Writes the request and puts it into the target's private log, and into the caller's own, in one transaction.
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
    let (keys, now) = (&core.store.keys, core.clock.now());
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
    let (before, _) = requests::hold(&tx, keys, caller.uid, input.target).await?;
    let request = Contact {
        uid: caller.uid,
        peer: input.target,
        status: verdict(before.as_ref(), held, now).ok_or(ContactError::AlreadySubscribed)?,
        secret: input.secret,
        log: None,
    };
    if !requests::ask(&tx, keys, before.as_ref(), &request, now).await? {
        return Err(ContactError::AlreadySubscribed);
    }
    let mailbox = Recipient {
        uid: own.uid,
        private_log: own.private_log,
    };
    let members = Requested {
        user_id: input.target,
        secret: input.secret,
    };
    let kind = EventKind::ContactRequested;
    let mut told = vec![notices::append(core, &tx, mailbox, kind, caller.uid, &members).await?];
    if request.status == ContactStatus::Pending {
        told.push(request_notice(core, &tx, &own, &target, input.secret).await?);
    }
    tx.commit().await.map_err(StorageError::from)?;
    notices::publish(core, told);
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

#[cfg(test)]
mod tests {
    use super::*;
    use melo_domain::Uid;

    #[test]
    fn a_refusal_looks_like_silence_and_holds_for_a_while() {
        use ContactStatus::{Accepted, Ended, Gone, Held, Pending, Rejected};
        let day = |n: i64| Timestamp::from_millis(n * 86_400_000);
        let verdict_of = |status, asked: i64, refused: Option<i64>, now: i64| {
            let contact = Contact {
                uid: Uid::from_random(1),
                peer: Uid::from_random(2),
                status,
                secret: false,
                log: None,
            };
            let before = Asked {
                contact,
                at: day(asked),
                refused: refused.map(day),
            };
            verdict(Some(&before), false, day(now))
        };
        for status in [Pending, Held, Rejected] {
            assert_eq!(verdict_of(status, 0, None, 6), None, "{status:?}");
        }
        for status in [Accepted, Gone] {
            assert_eq!(verdict_of(status, 0, None, 99), None, "{status:?}");
        }
        assert_eq!(verdict_of(Pending, 0, None, 7), Some(Pending));
        assert_eq!(verdict_of(Rejected, 0, Some(0), 7), Some(Pending));
        // Refused later than asked: it looks the same, and nobody is told yet.
        assert_eq!(verdict_of(Rejected, 0, Some(5), 7), Some(Rejected));
        // Taken back after the refusal, and asked anew at once.
        assert_eq!(verdict_of(Ended, 0, Some(0), 1), Some(Rejected));
        assert_eq!(verdict_of(Ended, 0, None, 0), Some(Pending));
        assert_eq!(verdict(None, true, day(0)), Some(Held));
    }
}
