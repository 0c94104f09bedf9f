//! A committed event on its way to connections, serialised once.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytestring::ByteString;
use melo_domain::{EventKind, LogEvent, LogId, LogKind};
use melo_protocol::Envelope;
use melo_protocol::frame::render_opaque_delivery;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event and its frame. Events that read the same for every device are rendered when they are made;
/// an envelope is cut to each device's own key when it is written.
#[derive(Debug)]
pub struct LiveEvent {
    event: LogEvent,
    kind: LogKind,
    shared: Option<ByteString>,
}

impl LiveEvent {
    /// Wraps a committed event of a log of that kind.
    pub fn new(event: LogEvent, kind: LogKind) -> Self {
        let shared = (!is_per_device(&event)).then(|| render(&event, kind, None).into());
        Self {
            event,
            kind,
            shared,
        }
    }

    /// The event.
    pub fn event(&self) -> &LogEvent {
        &self.event
    }

    /// Of what kind its log is.
    pub fn kind(&self) -> LogKind {
        self.kind
    }

    /// The frame for the device whose key is `kid`.
    pub fn frame_for(&self, kid: Option<&str>) -> ByteString {
        match &self.shared {
            Some(frame) => frame.clone(),
            None => render(&self.event, self.kind, kid).into(),
        }
    }

    /// About how much memory it holds, in bytes.
    pub fn size(&self) -> usize {
        self.event.payload.len() + self.shared.as_ref().map_or(0, |f| f.len()) + 128
    }
}

/// Whether each device is to see another part of it. A chat's message is sealed once for everybody.
fn is_per_device(event: &LogEvent) -> bool {
    let has_keys = |payload: &RawValue| match Envelope::parse(payload) {
        Some(Ok(envelope)) => envelope.kids().next().is_some(),
        _ => false,
    };
    match event.kind {
        EventKind::Message => parse_object(&event.payload).is_some_and(has_keys),
        EventKind::Edit | EventKind::Reaction | EventKind::ChatKey => {
            Change::parse(&event.payload).is_some_and(|c| c.payload.is_some_and(has_keys))
        }
        _ => false,
    }
}

fn parse_object(payload: &str) -> Option<&RawValue> {
    let object = payload.starts_with('{');
    object.then(|| serde_json::from_str(payload).ok()).flatten()
}

/// Writes an event's frame for the device whose key is `kid`: the one form for live delivery and for
/// reading the log.
pub fn render(event: &LogEvent, kind: LogKind, kid: Option<&str>) -> String {
    match event.kind {
        EventKind::Message => render_message(event, kind, kid),
        EventKind::Erased => render_erased(event, kind),
        EventKind::Relayed => render_relayed(event, kind),
        EventKind::Edit
        | EventKind::Delete
        | EventKind::Pin
        | EventKind::Reaction
        | EventKind::ChatKey => render_change(event, kind, kid),
        _ => render_notice(event, kind),
    }
}

fn chat_id(event: &LogEvent, kind: LogKind) -> Option<LogId> {
    kind.is_chat().then_some(event.log)
}

fn render_message(event: &LogEvent, kind: LogKind, kid: Option<&str>) -> String {
    let trimmed = parse_object(&event.payload).and_then(|raw| cut(raw, kid));
    let payload = trimmed.as_deref().unwrap_or(&event.payload);
    render_opaque_delivery(
        event.message_id(),
        event.sender,
        event.device,
        event.at,
        chat_id(event, kind),
        payload,
    )
}

/// An envelope as one device may see it.
fn cut(raw: &RawValue, kid: Option<&str>) -> Option<String> {
    Envelope::parse(raw)?
        .ok()
        .map(|envelope| envelope.for_device(kid))
}

/// What the body of a change to an earlier message holds.
#[derive(Deserialize)]
struct Change<'a> {
    /// The message it changes; none for a key.
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    reaction: Option<&'a RawValue>,
    pinned: Option<bool>,
}

impl<'a> Change<'a> {
    fn parse(payload: &'a str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }
}

/// A frame of a type, with what all of them carry. What follows is members, each with its comma in front.
fn begin(event: &LogEvent, kind: LogKind, name: &str) -> String {
    let mut text = String::with_capacity(event.payload.len() + 256);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"{{"type":"{name}","from":"{}","log":"{}","seq":{},"at":"{}""#,
        event.sender, event.log, event.seq, event.at
    );
    if let Some(chat) = chat_id(event, kind) {
        let _ = write!(text, r#","chat_id":{chat}"#);
    }
    if let Some(device) = event.device {
        let _ = write!(text, r#","device":"{device}""#);
    }
    text
}

fn render_change(event: &LogEvent, kind: LogKind, kid: Option<&str>) -> String {
    let mut text = begin(event, kind, event.kind.as_str());
    if let Some(change) = Change::parse(&event.payload) {
        let _ = write!(text, r#","event_id":"{}""#, event.message_id());
        if let Some(id) = change.message_id {
            let _ = write!(text, r#","message_id":{id}"#);
        }
        if let Some(payload) = change.payload {
            let trimmed = cut(payload, kid);
            let payload = trimmed.as_deref().unwrap_or(payload.get());
            let _ = write!(text, r#","payload":{payload}"#);
        }
        if let Some(reaction) = change.reaction {
            let _ = write!(text, r#","reaction":{reaction}"#);
        }
        if let Some(pinned) = change.pinned {
            let _ = write!(text, r#","pinned":{pinned}"#);
        }
    }
    text.push('}');
    text
}

/// What stands in the place of a message that is gone: the same as telling that it was deleted.
fn render_erased(event: &LogEvent, kind: LogKind) -> String {
    let mut text = begin(event, kind, "delete");
    let id = event.message_id();
    let _ = write!(text, r#","event_id":"{id}","message_id":"{id}"}}"#);
    text
}

/// A frame that existing clients relay to each other: `{"type":…, members…}`, ours in front and theirs after.
fn render_relayed(event: &LogEvent, kind: LogKind) -> String {
    #[derive(Deserialize)]
    struct Relayed<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow)]
        members: &'a RawValue,
    }
    let Ok(relayed) = serde_json::from_str::<Relayed<'_>>(&event.payload) else {
        return render_erased(event, kind);
    };
    let mut text = begin(event, kind, &relayed.name);
    let _ = write!(text, r#","event_id":"{}""#, event.message_id());
    // A `message_id` of the frame's own means another message: it stays what it was.
    if !names_a_message(relayed.members) {
        let _ = write!(text, r#","message_id":"{}""#, event.message_id());
    }
    push_members(&mut text, relayed.members.get());
    text
}

fn names_a_message(members: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        message_id: Option<&'a RawValue>,
    }
    serde_json::from_str::<Named<'_>>(members.get()).is_ok_and(|named| named.message_id.is_some())
}

/// Goes on with the members of an object, to its end.
fn push_members(text: &mut String, object: &str) {
    let members = object.strip_prefix('{').unwrap_or("}").trim_start();
    if !members.starts_with('}') {
        text.push(',');
    }
    text.push_str(members);
}

fn render_notice(event: &LogEvent, kind: LogKind) -> String {
    let mut text = String::with_capacity(event.payload.len() + 128);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"{{"type":"{}","log":"{}","seq":{},"at":"{}""#,
        event.kind.as_str(),
        event.log,
        event.seq,
        event.at
    );
    if let Some(chat) = chat_id(event, kind) {
        let _ = write!(text, r#","chat_id":{chat}"#);
    }
    push_members(&mut text, &event.payload);
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
        let live = LiveEvent::new(event(EventKind::Message, &payload), LogKind::Direct);
        let frame = live.frame_for(Some(&kid));
        assert!(frame.contains("mine") && !frame.contains("other"));
        let read: RelayDelivery = serde_json::from_str(&frame).unwrap();
        assert_eq!(read.seq, 4);
        let opaque = LiveEvent::new(event(EventKind::Message, r#""hello""#), LogKind::Direct);
        assert_eq!(opaque.frame_for(None), opaque.frame_for(Some(&kid)));
    }

    #[test]
    fn a_chats_message_is_shared_and_names_its_chat() {
        let sealed = r#"{"v":1,"suite":1,"id":"i","key_ref":"k","ciphertext":"AA"}"#;
        let live = LiveEvent::new(event(EventKind::Message, sealed), LogKind::Group);
        assert!(live.shared.is_some());
        let frame: serde_json::Value = serde_json::from_str(&live.frame_for(None)).unwrap();
        assert_eq!(frame["chat_id"], 9);
        assert_eq!(frame["payload"]["key_ref"], "k");
    }

    #[test]
    fn changes_are_cut_and_name_what_they_change() {
        let kid = "a".repeat(32);
        let payload = format!(
            r#"{{"message_id":"m","payload":{{"v":1,"suite":1,"id":"i","keys":{{"{kid}":"mine","{}":"other"}}}}}}"#,
            "b".repeat(32)
        );
        let live = LiveEvent::new(event(EventKind::Edit, &payload), LogKind::Direct);
        let frame: serde_json::Value = serde_json::from_str(&live.frame_for(Some(&kid))).unwrap();
        assert_eq!(frame["type"], "edit");
        assert_eq!(frame["message_id"], "m");
        assert_eq!(frame["payload"]["keys"].as_object().unwrap().len(), 1);
        assert!(frame.get("chat_id").is_none());
    }

    #[test]
    fn an_erased_event_reads_as_its_own_deletion() {
        let gone = event(EventKind::Erased, "{}");
        let frame: serde_json::Value =
            serde_json::from_str(&render(&gone, LogKind::Group, None)).unwrap();
        assert_eq!(frame["type"], "delete");
        assert_eq!(frame["message_id"], gone.message_id().to_string());
        assert_eq!(frame["seq"], 4);
    }

    #[test]
    fn relayed_frames_keep_their_type_and_members() {
        let payload = r#"{"name":"sticker","members":{ "pack":7}}"#;
        let text = render(&event(EventKind::Relayed, payload), LogKind::Direct, None);
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["type"], "sticker");
        assert_eq!(frame["pack"], 7);
        assert_eq!(frame["message_id"], frame["event_id"]);
        let about = r#"{"name":"mark","members":{"message_id":"m"}}"#;
        let text = render(&event(EventKind::Relayed, about), LogKind::Direct, None);
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["message_id"], "m");
        let empty = r#"{"name":"wave","members":{}}"#;
        let text = render(&event(EventKind::Relayed, empty), LogKind::Direct, None);
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "{text}"
        );
    }

    #[test]
    fn notices_read_back() {
        let payload = r#"{"from_id":"10000001","from_phone":null,"secret":true}"#;
        let text = render(
            &event(EventKind::SubscriptionRequest, payload),
            LogKind::Private,
            None,
        );
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
