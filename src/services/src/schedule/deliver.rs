//! Sends a message whose time has come.

use melo_domain::{ChatId, EventKind, MessageId, ScheduleId};
use melo_protocol::ErrorCode;
use melo_protocol::frame::{MsgStatus, StatusKind};
use melo_realtime::BusMessage;
use melo_storage::scheduled::{self, Addressee, Scheduled};
use melo_storage::{Appended, StorageError, accounts, events, jobs, sessions};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{message_client_id, refusal};
use crate::messages::{self, Destination, MessageError, SendInput};
use crate::notices::{self, Recipient};
use crate::queue::{Claim, MAX_ATTEMPTS};
use crate::{Caller, Core, Grant};

/// It was neither sent nor refused.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// To be tried again.
    #[error(transparent)]
    Later(#[from] MessageError),
    /// No job of this kind.
    #[error("a job that names no scheduled message")]
    Malformed,
}

impl From<StorageError> for Undelivered {
    fn from(error: StorageError) -> Self {
        Self::Later(error.into())
    }
}

/// Sends the message that a job is about, or tells its author why not. The job is removed in the transaction that
/// removes the message's row. A second attempt after a crash finds the event that the first has written.
pub async fn deliver(core: &Core, claim: &Claim) -> Result<(), Undelivered> {
    let id = scheduled::of_job(&claim.payload).ok_or(Undelivered::Malformed)?;
    let (db, keys) = (core.store.db.write(), &core.store.keys);
    let found = scheduled::find(db, keys, id).await?;
    let Some((message, payload)) = found else {
        jobs::finish(db, claim).await?;
        return Ok(());
    };
    if !scheduled::take(db, id).await? {
        // Called back in the last moment.
        jobs::finish(db, claim).await?;
        return Ok(());
    }
    match send(core, &message, payload).await {
        Ok(sent) => Ok(settle(core, claim, &message, sent).await?),
        Err(error) if refusal::is_temporary(&error) && claim.attempt < MAX_ATTEMPTS => {
            Err(error.into())
        }
        Err(error) => {
            if let MessageError::Fault(fault) = &error {
                tracing::error!(%fault, "a scheduled message could not be sent, and is given up");
            }
            Ok(refuse(core, &message, refusal::code(&error), Some(claim)).await?)
        }
    }
}

async fn send(core: &Core, message: &Scheduled, payload: String) -> Result<Appended, MessageError> {
    let client_id = message_client_id(message.id);
    let (db, keys) = (core.store.db.write(), &core.store.keys);
    if let Some(event) = events::by_client_id(db, keys, message.device, client_id).await? {
        return Ok(Appended {
            log: event.log,
            seq: event.seq,
            at: event.at,
        });
    }
    // Whoever has been signed out everywhere sends nothing any more, and no locked account does.
    let session = sessions::of_device(db, message.uid, message.device).await?;
    let caller = Caller {
        uid: message.uid,
        device: message.device,
        session: session.ok_or(MessageError::SignedOut)?,
        expires: core.now(),
        grant: Grant::Login,
    };
    let payload =
        RawValue::from_string(payload).map_err(|_| StorageError::Corrupt("scheduled payload"))?;
    let input = SendInput {
        to: Destination::from(message.to),
        payload: &payload,
        client_id: Some(client_id),
    };
    let accepted = messages::send_sealed_before(core, caller, input).await?;
    Ok(accepted.receipt.await?)
}

/// It is sent: its row and its job go. The device that scheduled it is answered as if it had sent it now.
async fn settle(
    core: &Core,
    claim: &Claim,
    message: &Scheduled,
    sent: Appended,
) -> Result<(), StorageError> {
    let tx = core.store.db.begin().await?;
    let first = scheduled::remove(&tx, message.id).await?;
    jobs::finish(&tx, claim).await?;
    tx.commit().await?;
    if !first {
        return Ok(());
    }
    let (to, chat_id) = match message.to {
        Addressee::Person(uid) => (uid, None),
        Addressee::Chat(log) => (message.uid, Some(ChatId(log))),
    };
    let status = MsgStatus {
        status: StatusKind::Queued,
        message_id: Some(MessageId {
            log: sent.log,
            seq: sent.seq,
        }),
        client_id: Some(message_client_id(message.id)),
        log: Some(sent.log),
        seq: Some(sent.seq),
        at: sent.at,
        from: message.uid,
        to,
        chat_id,
        retry_after: None,
    };
    // A struct of plain fields always serialises.
    if let Ok(text) = serde_json::to_string(&status) {
        core.bus.publish(BusMessage::ToDevice {
            uid: message.uid,
            device: message.device,
            frame: text.into(),
        });
    }
    Ok(())
}

#[derive(Serialize)]
struct Failed {
    schedule_id: ScheduleId,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Uuid>,
}

/// It is not sent: its row and its job go, and its author learns why, on all devices.
pub(super) async fn refuse(
    core: &Core,
    message: &Scheduled,
    code: ErrorCode,
    claim: Option<&Claim>,
) -> Result<(), StorageError> {
    let tx = core.store.db.begin().await?;
    let mut told = None;
    if scheduled::remove(&tx, message.id).await? {
        let private = accounts::private_logs(&tx, &[message.uid]).await?;
        if let Some((uid, private_log)) = private.first().copied() {
            let failed = Failed {
                schedule_id: message.id,
                code,
                client_id: message.client_id,
            };
            let recipient = Recipient { uid, private_log };
            let kind = EventKind::ScheduleFailed;
            told = Some(notices::append(core, &tx, recipient, kind, uid, &failed).await?);
        }
    }
    if let Some(claim) = claim {
        jobs::finish(&tx, claim).await?;
    }
    tx.commit().await?;
    notices::publish(core, told);
    Ok(())
}
