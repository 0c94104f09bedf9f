//! Sends a message: checked here, committed by the log writer.

use melo_domain::{ChatAction, EventKind, MAX_PAYLOAD_BYTES};
use melo_protocol::Envelope;
use melo_storage::{Guard, NewEvent, Receipt};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::route::{self, Route};
use super::{Destination, MessageError, devices, earlier};
use crate::limits::{self, Limit};
use crate::{Caller, Core, chats};

/// A message.
pub struct SendInput<'a> {
    /// To whom.
    pub to: Destination,
    /// A JSON string or object.
    pub payload: &'a RawValue,
    /// Makes sending again safe.
    pub client_id: Option<Uuid>,
}

/// An event of a conversation that is on its way to the disk.
#[derive(Debug)]
pub struct Accepted {
    /// Resolves when it is there, or was refused.
    pub receipt: Receipt,
    /// To whom.
    pub to: Destination,
    /// How many people besides the sender it is for; not told again of what was sent before and would be refused now.
    pub recipients: Option<usize>,
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
    match attempt(core, caller, &input).await {
        Ok(accepted) => Ok(accepted),
        Err(refusal) => earlier::answer_or(core, caller, input.to, input.client_id, refusal).await,
    }
}

async fn attempt(
    core: &Core,
    caller: Caller,
    input: &SendInput<'_>,
) -> Result<Accepted, MessageError> {
    let (route, guard) = check(core, caller, input).await?;
    write(core, caller, input, &route, guard).await
}

/// The same, for a message that was sealed and checked before and comes to be sent now: devices that were added since
/// do not stop it. Only a removal does, as what was sealed before it is not for those who are there now.
pub(crate) async fn send_sealed_before(
    core: &Core,
    caller: Caller,
    input: SendInput<'_>,
) -> Result<Accepted, MessageError> {
    match attempt_sealed_before(core, caller, &input).await {
        Ok(accepted) => Ok(accepted),
        Err(refusal) => earlier::answer_or(core, caller, input.to, input.client_id, refusal).await,
    }
}

async fn attempt_sealed_before(
    core: &Core,
    caller: Caller,
    input: &SendInput<'_>,
) -> Result<Accepted, MessageError> {
    let route = route::find(core, caller.uid, input.to, ChatAction::Write).await?;
    let envelope = Envelope::parse(input.payload).transpose()?;
    let guard = match (&route, envelope) {
        (Route::Direct(_), _) => None,
        (Route::Chat(room), None) => Some(room.guard(None)),
        (Route::Chat(room), Some(envelope)) => {
            let key = chats::earlier_key(core, room, &envelope).await?;
            Some(room.guard(Some(key)))
        }
    };
    write(core, caller, input, &route, guard).await
}

/// Whether the message could be sent now, and what that was judged by.
pub(crate) async fn check(
    core: &Core,
    caller: Caller,
    input: &SendInput<'_>,
) -> Result<(Route, Option<Guard>), MessageError> {
    if input.payload.get().len() > MAX_PAYLOAD_BYTES {
        return Err(MessageError::TooLarge);
    }
    let route = route::find(core, caller.uid, input.to, ChatAction::Write).await?;
    let guard = seal_check(core, caller, &route, input.to, input.payload).await?;
    Ok((route, guard))
}

async fn write(
    core: &Core,
    caller: Caller,
    input: &SendInput<'_>,
    route: &Route,
    guard: Option<Guard>,
) -> Result<Accepted, MessageError> {
    wait_for_slow_mode(core, caller, route).await?;
    let event = NewEvent {
        device: Some(caller.device),
        client_id: input.client_id,
        expires: route.expiry(core.now()),
        guard,
        ..NewEvent::new(
            route.log(),
            EventKind::Message,
            caller.uid,
            input.payload.get(),
        )
    };
    append(core, route, event, input.to).await
}

/// A frame of a type that only clients know.
pub struct RelayedInput<'a> {
    /// To whom.
    pub to: Destination,
    /// Its type.
    pub name: &'a str,
    /// Its own members, a JSON object.
    pub members: &'a str,
    /// Makes sending again safe.
    pub client_id: Option<Uuid>,
}

/// Passes such a frame on, stored and delivered as a message is.
pub async fn relay_frame(
    core: &Core,
    caller: Caller,
    input: RelayedInput<'_>,
) -> Result<Accepted, MessageError> {
    match attempt_relay(core, caller, &input).await {
        Ok(accepted) => Ok(accepted),
        Err(refusal) => earlier::answer_or(core, caller, input.to, input.client_id, refusal).await,
    }
}

async fn attempt_relay(
    core: &Core,
    caller: Caller,
    input: &RelayedInput<'_>,
) -> Result<Accepted, MessageError> {
    let route = route::find(core, caller.uid, input.to, ChatAction::Write).await?;
    wait_for_slow_mode(core, caller, &route).await?;
    let guard = match &route {
        Route::Chat(room) => Some(room.guard(None)),
        Route::Direct(_) => None,
    };
    let event = NewEvent {
        device: Some(caller.device),
        client_id: input.client_id,
        expires: route.expiry(core.now()),
        guard,
        ..NewEvent::new(
            route.log(),
            EventKind::Relayed,
            caller.uid,
            // A name is letters, digits and underscores.
            format!(r#"{{"name":"{}","members":{}}}"#, input.name, input.members),
        )
    };
    append(core, &route, event, input.to).await
}

/// Puts an event of this conversation into the log writer's queue.
pub(super) async fn append(
    core: &Core,
    route: &Route,
    event: NewEvent,
    to: Destination,
) -> Result<Accepted, MessageError> {
    let client_id = event.client_id;
    let audience = route.audience();
    let recipients = Some(audience.members.len().saturating_sub(1));
    let receipt = core.writer.append(event, audience).await?;
    Ok(Accepted {
        receipt,
        to,
        recipients,
        client_id,
    })
}

/// What is sealed must be for exactly the devices there are. Opaque payloads of existing clients are not looked at.
/// Returns what the sender's right was judged by.
pub(super) async fn seal_check(
    core: &Core,
    caller: Caller,
    route: &Route,
    to: Destination,
    payload: &RawValue,
) -> Result<Option<Guard>, MessageError> {
    let envelope = Envelope::parse(payload).transpose()?;
    match (route, to) {
        (Route::Chat(room), _) => {
            let key = match envelope {
                Some(envelope) => Some(chats::good_key(core, room, caller, &envelope).await?),
                None => None,
            };
            Ok(Some(room.guard(key)))
        }
        (Route::Direct(_), Destination::Person(target)) => {
            if let Some(envelope) = envelope {
                let sender = (caller.uid, caller.device);
                devices::check(core, &envelope, sender, target).await?;
            }
            Ok(None)
        }
        (Route::Direct(_), Destination::Chat(_)) => Err(MessageError::NotFound),
    }
}

/// In slow mode a member writes once in so many seconds.
async fn wait_for_slow_mode(
    core: &Core,
    caller: Caller,
    route: &Route,
) -> Result<(), MessageError> {
    match route {
        Route::Chat(room) if room.slow_mode > 0 => Ok(chats::take_turn(core, room, caller).await?),
        _ => Ok(()),
    }
}

/// Takes one message of what a person may send over REST. WebSocket connections take from a budget of their
/// own, of the same size, before they look into a frame at all.
pub async fn spend_rest_send(core: &Core, caller: Caller) -> Result<(), MessageError> {
    Ok(limits::take(core, Limit::Send, caller.uid).await?)
}
