//! Frames about calls, from a client and to others.

use std::borrow::Cow;
use std::fmt::Write as _;

use melo_domain::{
    CallId, CallQuality, CandidateType, ChatId, DeviceHandle, Media, Timestamp, Uid,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::relayed::Members;
use super::{ClientFrame, FrameError, Recipient};
use crate::{Envelope, EnvelopeError, ErrorCode};

/// The longest frame about a call, in bytes: a session description of a call of eight has less than a quarter of it.
pub const MAX_CALL_FRAME_BYTES: usize = 64 * 1024;

/// What a frame does in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallAction {
    /// A session description (RFC 3264): begins a call, or renews the connection within one.
    Offer,
    /// The answer to one.
    Answer,
    /// A way to reach the device (RFC 8838).
    Candidate,
    /// Begins a call without a description, or one of a chat.
    Start,
    /// Answers a call.
    Accept,
    /// Declines one.
    Reject,
    /// Hangs up, or leaves a chat's call.
    End,
    /// Anything else that those in the call tell each other: hold, mute, camera.
    Signal,
    /// The device hears the other one.
    Connected,
    /// Hangs up; the other one is told with `call_state` alone.
    EndState,
    /// Joins the call of a chat.
    Join,
    /// Takes one's call over from another device of one's own.
    Transfer,
    /// Somebody in a chat's call begins or ceases to speak.
    Speaking,
}

impl CallAction {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "offer" => Self::Offer,
            "answer" => Self::Answer,
            "candidate" | "ice_candidate" => Self::Candidate,
            "call_start" => Self::Start,
            "call_accept" => Self::Accept,
            "call_reject" => Self::Reject,
            "call_end" | "call_leave" => Self::End,
            "call_signal" => Self::Signal,
            "call_connected" => Self::Connected,
            "call_end_state" => Self::EndState,
            "call_join" => Self::Join,
            "call_transfer" => Self::Transfer,
            "call_speaking" => Self::Speaking,
            _ => return None,
        })
    }
}

/// Members that the server writes itself, or that were for it, in frames that name their call.
const OWN_MEMBERS: &[&str] = &[
    "type",
    "target",
    "chat_id",
    "client_id",
    "from",
    "log",
    "seq",
    "at",
    "device",
    "event_id",
    "call_id",
    "verified",
];
/// Those in frames of existing clients, of which everything else goes on as it is.
const THEIR_MEMBERS: &[&str] = &["type", "target", "chat_id", "from", "verified"];

/// A frame about a call. What it is for is read; what the two devices tell each other is not.
#[derive(Debug)]
pub struct CallFrame<'a> {
    /// What it does.
    pub action: CallAction,
    /// Its type, as it was sent.
    pub name: Cow<'a, str>,
    /// For whom; a frame that names its call may leave it out.
    pub to: Option<Recipient>,
    /// The call. Existing clients name none.
    pub call_id: Option<CallId>,
    /// Names the answer.
    pub client_id: Option<Uuid>,
    /// The one device it is for.
    pub device: Option<DeviceHandle>,
    /// What is in the call.
    pub media: Option<Media>,
    /// Whether the one who declines is in another call.
    pub busy: bool,
    /// What else it says.
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// What is sealed for devices.
    envelope: Option<Envelope<'a>>,
}

/// Who says it, when, and in which call.
#[derive(Debug, Clone, Copy)]
pub struct CallHead {
    /// Who.
    pub from: Uid,
    /// With which device.
    pub device: DeviceHandle,
    /// The call.
    pub call_id: Option<CallId>,
    /// The chat, of a chat's call.
    pub chat_id: Option<ChatId>,
    /// When the server took it.
    pub at: Timestamp,
}

impl<'a> CallFrame<'a> {
    /// What is sealed in it, if it is.
    pub fn envelope(&self) -> Option<&Envelope<'a>> {
        self.envelope.as_ref()
    }

    /// The frame as others get it: what it says as it was sent, the envelope cut to the entry of the device whose
    /// key is `kid`. One that is not sealed says that nobody vouches for it.
    pub fn render(&self, head: &CallHead, kid: Option<&str>) -> String {
        self.write(head, |envelope| Some(envelope.for_device(kid)))
    }

    /// The same with the envelope whole, to be cut later ([`cut_call_frame`]).
    pub fn render_whole(&self, head: &CallHead) -> String {
        self.write(head, |_| None)
    }

    fn write(&self, head: &CallHead, cut: impl Fn(&Envelope<'a>) -> Option<String>) -> String {
        let length: usize = self
            .members
            .iter()
            .map(|(n, v)| n.len() + v.get().len() + 4)
            .sum();
        let mut text = String::with_capacity(length + 256);
        // Writing to a String cannot fail.
        let _ = write!(text, r#"{{"type":"{}","from":"{}""#, self.name, head.from);
        let theirs = |name: &str| self.members.iter().any(|(n, _)| n == name);
        if let Some(call) = head.call_id.filter(|_| !theirs("call_id")) {
            let _ = write!(text, r#","call_id":"{call}""#);
        }
        if let Some(chat) = head.chat_id {
            let _ = write!(text, r#","chat_id":{chat}"#);
        }
        if !theirs("device") {
            let _ = write!(text, r#","device":"{}""#, head.device);
        }
        if !theirs("at") {
            let _ = write!(text, r#","at":"{}""#, head.at);
        }
        if self.envelope.is_none() {
            text.push_str(r#","verified":false"#);
        }
        for (name, value) in &self.members {
            text.push(',');
            // A string always serialises.
            text.push_str(&serde_json::to_string(name).unwrap_or_default());
            text.push(':');
            let sealed = self.envelope.as_ref().filter(|_| name == "payload");
            match sealed.and_then(&cut) {
                Some(own) => text.push_str(&own),
                None => text.push_str(value.get()),
            }
        }
        text.push('}');
        text
    }
}

/// A frame that was rendered whole, cut to the entry of the device whose key is `kid`.
pub fn cut_call_frame(text: &str, kid: Option<&str>) -> String {
    let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(text) else {
        return text.to_owned();
    };
    let payload = members.iter().find(|(name, _)| name == "payload");
    let sealed = payload.and_then(|(_, raw)| Some((raw, Envelope::parse(raw)?.ok()?)));
    match sealed {
        // The payload's own text is borrowed from the frame's, and stands there once.
        Some((raw, envelope)) => text.replacen(raw.get(), &envelope.for_device(kid), 1),
        None => text.to_owned(),
    }
}

/// Reads a frame about a call; `None` when this is none.
pub(super) fn parse(text: &str) -> Option<Result<ClientFrame<'_>, FrameError>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let found = members.iter().find(|(name, _)| name == "type");
    let name: Cow<'_, str> = serde_json::from_str::<Name<'_>>(found?.1.get()).ok()?.0;
    if name == "call_quality" {
        return Some(quality(text, &members));
    }
    let action = CallAction::of(&name)?;
    Some(read(text, action, name, members).map(|frame| ClientFrame::Call(Box::new(frame))))
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of one frame, and how it is refused.
struct Reading<'f, 'a> {
    members: &'f [(Cow<'a, str>, &'a RawValue)],
}

impl<'a> Reading<'_, 'a> {
    fn find(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.members.iter().find(|(n, _)| n == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    }

    fn client_id(&self) -> Option<Uuid> {
        serde_json::from_str(self.find("client_id")?.get()).ok()
    }

    fn refuse(&self, code: ErrorCode, detail: impl Into<String>) -> FrameError {
        FrameError {
            code,
            detail: detail.into(),
            client_id: self.client_id(),
        }
    }

    fn get<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        must: &str,
    ) -> Result<Option<T>, FrameError> {
        let Some(raw) = self.find(name) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| {
            self.refuse(
                ErrorCode::ValidationFailed,
                format!("{name} must be {must}"),
            )
        })
    }

    fn to(&self) -> Result<Option<Recipient>, FrameError> {
        let target = self.get("target", "a user id of eight digits, like 10000001")?;
        let chat = self.get("chat_id", "the integer that names a chat")?;
        match (target, chat) {
            (Some(_), Some(_)) => Err(self.refuse(
                ErrorCode::ValidationFailed,
                "target and chat_id cannot both be given",
            )),
            (Some(uid), None) => Ok(Some(Recipient::Person(uid))),
            (None, Some(chat)) => Ok(Some(Recipient::Chat(chat))),
            (None, None) => Ok(None),
        }
    }
}

fn read<'a>(
    text: &'a str,
    action: CallAction,
    name: Cow<'a, str>,
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
) -> Result<CallFrame<'a>, FrameError> {
    let reading = Reading { members: &members };
    if text.len() > MAX_CALL_FRAME_BYTES {
        let detail = "a frame about a call may be at most 64 KiB long";
        return Err(reading.refuse(ErrorCode::TooLarge, detail));
    }
    // What existing clients put there is theirs, whatever it is; who says `client_id` speaks our way.
    let ours = reading.find("client_id").is_some();
    let call_id = match reading.get("call_id", "a UUID") {
        Err(error) if ours => return Err(error),
        read => read.ok().flatten().filter(|id: &CallId| !id.0.is_nil()),
    };
    let named = call_id.is_some();
    let client_id = match reading.get("client_id", "a UUID") {
        Err(error) if named => return Err(error),
        read => read.ok().flatten(),
    };
    let to = reading.to()?;
    if to.is_none() && !named {
        return Err(reading.refuse(ErrorCode::ValidationFailed, "target must be given"));
    }
    let (mut device, mut media) = (None, None);
    if named {
        device = reading.get("device", "a device name of 16 lower-case hex digits")?;
        media = reading.get("media", "audio or video")?;
    } else if let Ok(said) = reading.get("media", "") {
        media = said;
    }
    let busy = reading
        .find("reason")
        .is_some_and(|reason| reason.get() == r#""busy""#);
    let payload = reading.find("payload").filter(|_| named);
    let envelope = payload.and_then(Envelope::parse).transpose();
    let envelope = envelope.map_err(|error: EnvelopeError| {
        reading.refuse(ErrorCode::InvalidEnvelope, error.to_string())
    })?;
    let not_ours = if named { OWN_MEMBERS } else { THEIR_MEMBERS };
    let mut members = members;
    members.retain(|(name, _)| !not_ours.contains(&name.as_ref()));
    Ok(CallFrame {
        action,
        name,
        to,
        call_id,
        client_id,
        device,
        media,
        busy,
        members,
        envelope,
    })
}

/// How a call was, as its client found it.
#[derive(Debug, Clone, Copy)]
pub struct CallQualityFrame {
    /// The call.
    pub call_id: CallId,
    /// How it was.
    pub quality: CallQuality,
    /// Names the answer.
    pub client_id: Option<Uuid>,
}

fn quality<'a>(
    text: &str,
    members: &[(Cow<'a, str>, &'a RawValue)],
) -> Result<ClientFrame<'a>, FrameError> {
    let reading = Reading { members };
    if text.len() > MAX_CALL_FRAME_BYTES {
        return Err(reading.refuse(ErrorCode::TooLarge, "a report may be at most 64 KiB long"));
    }
    let missing =
        |name: &str| reading.refuse(ErrorCode::ValidationFailed, format!("{name} must be given"));
    let number = |name: &str| {
        let read = reading.get::<f64>(name, "a number")?;
        read.ok_or_else(|| missing(name))
    };
    let call_id = reading.get("call_id", "a UUID")?;
    let candidate: Option<CandidateType> =
        reading.get("candidate_type", "host, srflx, prflx or relay")?;
    let quality = CallQuality::new(
        number("loss")?,
        number("jitter")?,
        number("rtt")?,
        candidate,
    );
    Ok(ClientFrame::CallQuality(CallQualityFrame {
        call_id: call_id.ok_or_else(|| missing("call_id"))?,
        quality: quality
            .map_err(|error| reading.refuse(ErrorCode::ValidationFailed, error.to_string()))?,
        client_id: reading.get("client_id", "a UUID")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "936da01f-9abd-4d9d-80c7-02af85c822a8";
    const KID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn call(text: &str) -> CallFrame<'_> {
        match ClientFrame::parse(text) {
            Ok(ClientFrame::Call(frame)) => *frame,
            other => panic!("{other:?}"),
        }
    }

    fn refused(text: &str) -> ErrorCode {
        ClientFrame::parse(text).unwrap_err().code
    }

    fn head() -> CallHead {
        CallHead {
            from: Uid::from_random(1),
            device: DeviceHandle::from_random(4),
            call_id: Some(CALL.parse().unwrap()),
            chat_id: None,
            at: Timestamp::from_millis(0),
        }
    }

    fn shown(text: &str, kid: Option<&str>) -> serde_json::Value {
        serde_json::from_str(&call(text).render(&head(), kid)).unwrap()
    }

    #[test]
    fn what_existing_clients_say_goes_on_unchanged() {
        let text = r#"{"type":"ice_candidate","target":"10000001","candidate":{"sdpMid" : "0"},"seq":"x","call_id":7,"device":["mine"],"from":"me","verified":true}"#;
        let frame = shown(text, None);
        assert_eq!(frame["type"], "ice_candidate");
        assert_eq!(frame["candidate"], serde_json::json!({"sdpMid": "0"}));
        assert_eq!((&frame["call_id"], &frame["seq"]), (&7.into(), &"x".into()));
        assert_eq!(frame["device"][0], "mine");
        assert_eq!(frame["from"], Uid::from_random(1).to_string());
        assert_eq!(frame["verified"], false);
        let bare = shown(
            r#"{"type":"offer","target":"10000001","sdp":"v=0\r\n"}"#,
            None,
        );
        assert_eq!(
            (&bare["call_id"], &bare["sdp"]),
            (&CALL.into(), &"v=0\r\n".into())
        );
        assert_eq!(bare["device"], DeviceHandle::from_random(4).to_string());
    }

    #[test]
    fn what_is_sealed_is_cut_to_one_device() {
        let text = format!(
            r#"{{"type":"offer","target":"10000001","call_id":"{CALL}","client_id":"{CALL}","media":"video","payload":{{"v":1,"suite":1,"id":"i","keys":{{"{KID}":"mine","{}":"other"}}}}}}"#,
            "b".repeat(32)
        );
        let frame = call(&text);
        assert_eq!(frame.media, Some(Media::Video));
        assert_eq!(frame.envelope().unwrap().kids().count(), 2);
        let shown = shown(&text, Some(KID));
        assert_eq!(shown["payload"]["keys"], serde_json::json!({KID: "mine"}));
        assert!(shown.get("verified").is_none() && shown.get("client_id").is_none());
        assert_eq!(shown["media"], "video");
        let whole = frame.render_whole(&head());
        assert_eq!(
            cut_call_frame(&whole, Some(KID)),
            frame.render(&head(), Some(KID))
        );
        assert_eq!(cut_call_frame(&whole, None), frame.render(&head(), None));
    }

    #[test]
    fn who_speaks_our_way_is_held_to_it() {
        for bad in [
            r#"{"type":"offer"}"#,
            r#"{"type":"offer","target":"x"}"#,
            r#"{"type":"offer","target":"10000001","chat_id":7}"#,
            r#"{"type":"offer","target":"10000001","call_id":"x","client_id":"936da01f-9abd-4d9d-80c7-02af85c822a8"}"#,
            r#"{"type":"call_start","target":"10000001","call_id":"936da01f-9abd-4d9d-80c7-02af85c822a8","client_id":"x"}"#,
            r#"{"type":"call_start","target":"10000001","call_id":"936da01f-9abd-4d9d-80c7-02af85c822a8","media":"smell"}"#,
            r#"{"type":"call_quality","call_id":"936da01f-9abd-4d9d-80c7-02af85c822a8","loss":1,"jitter":2}"#,
            r#"{"type":"call_quality","call_id":"936da01f-9abd-4d9d-80c7-02af85c822a8","loss":101,"jitter":2,"rtt":3}"#,
        ] {
            assert_eq!(refused(bad), ErrorCode::ValidationFailed, "{bad}");
        }
        let broken = format!(
            r#"{{"type":"offer","target":"10000001","call_id":"{CALL}","payload":{{"v":1,"suite":1,"id":"i","keys":[]}}}}"#
        );
        assert_eq!(refused(&broken), ErrorCode::InvalidEnvelope);
        let long = format!(
            r#"{{"type":"offer","target":"10000001","sdp":"{}"}}"#,
            "x".repeat(MAX_CALL_FRAME_BYTES)
        );
        assert_eq!(refused(&long), ErrorCode::TooLarge);
        assert_eq!(
            refused(r#"{"type":"call_dance","target":"10000001"}"#),
            ErrorCode::UnsupportedType
        );
    }

    #[test]
    fn a_call_may_be_named_instead_of_a_person() {
        let text = format!(r#"{{"type":"call_accept","call_id":"{CALL}"}}"#);
        let frame = call(&text);
        assert_eq!(frame.call_id.unwrap().to_string(), CALL);
        assert!(frame.to.is_none());
        let busy = format!(r#"{{"type":"call_reject","call_id":"{CALL}","reason":"busy"}}"#);
        assert!(call(&busy).busy);
    }
}
