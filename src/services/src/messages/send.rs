//! Sends a direct message: checked here, committed by the log writer.

use melo_domain::{EventKind, LogKind, MAX_PAYLOAD_BYTES, Uid};
use melo_protocol::Envelope;
use melo_storage::{Audience, NewEvent, Receipt};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{MessageError, devices, route};
use crate::limits::{self, Limit};
use crate::{Caller, Core};

/// A message.
pub struct SendInput<'a> {
    /// To whom.
    pub target: Uid,
    /// A JSON string or object.
    pub payload: &'a RawValue,
    /// Makes sending again safe.
    pub client_id: Option<Uuid>,
}

/// A message that is on its way to the disk.
#[derive(Debug)]
pub struct Accepted {
    /// Resolves when it is there, or was refused.
    pub receipt: Receipt,
    /// To whom.
    pub target: Uid,
    /// The sender's own id.
    pub client_id: Option<Uuid>,
}

/// Checks the message and puts it into the log writer's queue. Messages sent one after the other keep their
/// order, without waiting for each other's commit.
pub async fn send(
    core: &Core,
    caller: Caller,
    input: SendInput<'_>,
) -> Result<Accepted, MessageError> {
    if input.payload.get().len() > MAX_PAYLOAD_BYTES {
        return Err(MessageError::TooLarge);
    }
    let route = route::direct(core, caller.uid, input.target).await?;
    if let Some(envelope) = Envelope::parse(input.payload) {
        devices::check(core, &envelope?, (caller.uid, caller.device), input.target).await?;
    }
    let event = NewEvent {
        device: Some(caller.device),
        client_id: input.client_id,
        ..NewEvent::new(
            route.log,
            EventKind::Message,
            caller.uid,
            input.payload.get(),
        )
    };
    let audience = Audience {
        kind: LogKind::Direct,
        members: route.audience,
    };
    let receipt = core.writer.append(event, audience).await?;
    Ok(Accepted {
        receipt,
        target: input.target,
        client_id: input.client_id,
    })
}

/// Takes one message of what a person may send over REST. WebSocket connections take from a budget of their
/// own, of the same size, before they look into a frame at all.
pub async fn spend_rest_send(core: &Core, caller: Caller) -> Result<(), MessageError> {
    Ok(limits::take(core, Limit::Send, caller.uid).await?)
}
