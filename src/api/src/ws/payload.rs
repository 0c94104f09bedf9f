//! A stored payload as one device may see it.

use melo_protocol::Envelope;
use melo_services::messages::Past;
use serde_json::value::RawValue;

/// The payload: an envelope is cut to the entry of the device whose key is `kid`.
pub(crate) fn payload_for(payload: &RawValue, kid: Option<&str>) -> Box<RawValue> {
    let trimmed = Envelope::parse(payload)
        .and_then(Result::ok)
        .map(|envelope| envelope.for_device(kid));
    trimmed
        .and_then(|text| RawValue::from_string(text).ok())
        .unwrap_or_else(|| payload.to_owned())
}

/// What was sent, cut for the device.
pub(crate) fn sent_payload(message: &Past, kid: Option<&str>) -> Box<RawValue> {
    let raw: Option<&RawValue> = serde_json::from_str(&message.event.payload).ok();
    payload_for(raw.unwrap_or(RawValue::NULL), kid)
}

/// What a message is now, as existing clients expect it in lists: a string as it is, an object as its JSON text.
pub(crate) fn current_string(message: &Past, kid: Option<&str>) -> String {
    let payload = match &message.edited {
        Some(edited) => payload_for(&edited.payload, kid),
        None => sent_payload(message, kid),
    };
    serde_json::from_str::<String>(payload.get()).unwrap_or_else(|_| payload.get().to_owned())
}
