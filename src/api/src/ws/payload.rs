//! A stored payload as one device may see it.

use melo_domain::LogEvent;
use melo_protocol::Envelope;
use serde_json::value::RawValue;

/// The payload: an envelope is cut to the entry of the device whose key is `kid`.
pub(crate) fn payload_for(event: &LogEvent, kid: Option<&str>) -> Box<RawValue> {
    let whole = || {
        RawValue::from_string(event.payload.to_string())
            .unwrap_or_else(|_| RawValue::NULL.to_owned())
    };
    let raw = whole();
    let trimmed = Envelope::parse(&raw)
        .and_then(Result::ok)
        .map(|envelope| envelope.for_device(kid));
    trimmed
        .and_then(|text| RawValue::from_string(text).ok())
        .unwrap_or(raw)
}

/// The payload as existing clients expect it in lists: a string as it is, an object as its JSON text.
pub(crate) fn payload_string(event: &LogEvent, kid: Option<&str>) -> String {
    let payload = payload_for(event, kid);
    serde_json::from_str::<String>(payload.get()).unwrap_or_else(|_| payload.get().to_owned())
}
