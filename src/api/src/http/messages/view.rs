//! A message as histories and lists of pins show it.

use melo_protocol::rest::messages::{EditedView, HistoryEvent, ReactionView};
use melo_services::messages::{Past, Reaction};
use serde_json::value::RawValue;

use crate::ws::{payload_for, sent_payload};

/// For the device whose key is `kid`.
pub(super) fn view(message: &Past, kid: Option<&str>) -> HistoryEvent {
    let event = &message.event;
    let edited = message.edited.as_ref().map(|edited| EditedView {
        event_id: edited.event_id,
        payload: payload_for(&edited.payload, kid),
        at: edited.at,
        device: edited.device,
    });
    let reactions = message.reactions.iter().map(|reacted| {
        let (reaction, payload) = match &reacted.reaction {
            Reaction::Plain(text) => (Some(text.clone()), None),
            Reaction::Sealed(payload) => (None, Some(payload_for(payload, kid))),
        };
        let view = ReactionView {
            reaction,
            payload,
            at: reacted.at,
            device: reacted.device,
        };
        (reacted.uid, view)
    });
    HistoryEvent {
        message_id: event.message_id(),
        seq: event.seq,
        at: event.at,
        from: event.sender,
        device: event.device,
        payload: if message.is_deleted() || message.is_call() {
            RawValue::NULL.to_owned()
        } else {
            sent_payload(message, kid)
        },
        edited,
        reactions: reactions.collect(),
        pinned: message.pinned,
        deleted: message.is_deleted(),
        call: message
            .is_call()
            .then(|| RawValue::from_string(event.payload.to_string()).ok())
            .flatten(),
    }
}
