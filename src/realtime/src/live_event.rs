//! A committed event on its way to connections, serialised once.

use std::fmt::Write as _;

use bytestring::ByteString;
use melo_domain::{EventKind, LogEvent};
use melo_protocol::Envelope;
use melo_protocol::frame::render_opaque_delivery;
use serde_json::value::RawValue;

/// An event and its frame. Events that read the same for every device are rendered when they are made;
/// an envelope is cut to each device's own key when it is written.
#[derive(Debug)]
pub struct LiveEvent {
    event: LogEvent,
    shared: Option<ByteString>,
}

impl LiveEvent {
    /// Wraps a committed event.
    pub fn new(event: LogEvent) -> Self {
        let per_device = event.kind == EventKind::Message && is_envelope(&event.payload);
        let shared = (!per_device).then(|| render(&event, None).into());
        Self { event, shared }
    }

    /// The event.
    pub fn event(&self) -> &LogEvent {
        &self.event
    }

    /// The frame for the device whose key is `kid`.
    pub fn frame_for(&self, kid: Option<&str>) -> ByteString {
        match &self.shared {
            Some(frame) => frame.clone(),
            None => render(&self.event, kid).into(),
        }
    }

    /// About how much memory it holds, in bytes.
    pub fn size(&self) -> usize {
        self.event.payload.len() + self.shared.as_ref().map_or(0, |f| f.len()) + 128
    }
}

fn is_envelope(payload: &str) -> bool {
    if !payload.starts_with('{') {
        return false;
    }
    let Ok(raw) = serde_json::from_str::<&RawValue>(payload) else {
        return false;
    };
    matches!(Envelope::parse(raw), Some(Ok(_)))
}

/// Writes an event's frame for the device whose key is `kid`: the one form for live delivery and for
/// reading the log.
pub fn render(event: &LogEvent, kid: Option<&str>) -> String {
    match event.kind {
        EventKind::Message => render_message(event, kid),
        EventKind::SubscriptionRequest => render_notice(event, "subscription_request"),
        EventKind::SubscriptionConfirmed => render_notice(event, "subscription_confirmed"),
        EventKind::KeysChanged => render_notice(event, "keys_changed"),
        EventKind::NewDevice => render_notice(event, "new_device"),
        EventKind::SecurityAlert => render_notice(event, "security_alert"),
        EventKind::AccountDeleted => render_notice(event, "account_deleted"),
    }
}

fn render_message(event: &LogEvent, kid: Option<&str>) -> String {
    let trimmed = serde_json::from_str::<&RawValue>(&event.payload)
        .ok()
        .filter(|_| event.payload.starts_with('{'))
        .and_then(|raw| {
            Envelope::parse(raw)?
                .ok()
                .map(|envelope| envelope.for_device(kid))
        });
    let payload = trimmed.as_deref().unwrap_or(&event.payload);
    render_opaque_delivery(
        event.message_id(),
        event.sender,
        event.device,
        event.at,
        payload,
    )
}

fn render_notice(event: &LogEvent, kind: &str) -> String {
    let members = event.payload.strip_prefix('{').unwrap_or("}");
    let comma = if members.starts_with('}') { "" } else { "," };
    let mut text = String::with_capacity(members.len() + 128);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"{{"type":"{kind}","log":"{}","seq":{},"at":"{}"{comma}{members}"#,
        event.log, event.seq, event.at
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_domain::{DeviceHandle, LogId, Timestamp, Uid};
    use melo_protocol::frame::{LogEventFrame, RelayDelivery};

    fn event(kind: EventKind, payload: &str) -> LogEvent {
        LogEvent {
            log: LogId::from_random(9),
            seq: 4,
            kind,
            sender: Uid::from_random(1),
            device: Some(DeviceHandle::from_random(2)),
            client_id: None,
            at: Timestamp::from_millis(0),
            payload: payload.into(),
        }
    }

    #[test]
    fn envelopes_are_cut_per_device_and_the_rest_is_shared() {
        let kid = "a".repeat(32);
        let payload = format!(
            r#"{{"v":1,"suite":1,"id":"i","keys":{{"{kid}":"mine","{}":"other"}}}}"#,
            "b".repeat(32)
        );
        let live = LiveEvent::new(event(EventKind::Message, &payload));
        let frame = live.frame_for(Some(&kid));
        assert!(frame.contains("mine") && !frame.contains("other"));
        let read: RelayDelivery = serde_json::from_str(&frame).unwrap();
        assert_eq!(read.seq, 4);
        let opaque = LiveEvent::new(event(EventKind::Message, r#""hello""#));
        assert_eq!(opaque.frame_for(None), opaque.frame_for(Some(&kid)));
    }

    #[test]
    fn notices_read_back() {
        let payload = r#"{"from_id":"10000001","from_phone":null,"secret":true}"#;
        let text = render(&event(EventKind::SubscriptionRequest, payload), None);
        let frame: LogEventFrame<'_> = serde_json::from_str(&text).unwrap();
        assert!(matches!(
            frame,
            LogEventFrame::SubscriptionRequest {
                secret: true,
                seq: 4,
                ..
            }
        ));
    }
}
