//! Frames about calls, as this client reads and writes them.

use melo_domain::{CallId, ChatId, DeviceHandle, LogId, Media, Timestamp, Uid};
use melo_protocol::frame::{CallRecordBody, CallRoster, CallStateFrame};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Types of frames that others say in a call.
const SAID: [&str; 11] = [
    "offer",
    "answer",
    "candidate",
    "ice_candidate",
    "call_start",
    "call_accept",
    "call_reject",
    "call_end",
    "call_leave",
    "call_signal",
    "call_speaking",
];

/// Whether frames of this type are said by somebody in a call.
pub(super) fn is_said(kind: &str) -> bool {
    SAID.contains(&kind)
}

/// Something that somebody says in a call.
#[derive(Debug, Deserialize)]
pub struct CallSaid {
    /// The frame's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who.
    pub from: Uid,
    /// With which device; existing clients may have put something else there.
    #[serde(default)]
    pub device: Option<Value>,
    /// The call; existing clients may have put something else there.
    #[serde(default)]
    pub call_id: Option<Value>,
    /// The chat, of a chat's call.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
    /// What is in the call.
    #[serde(default)]
    pub media: Option<Value>,
    /// What was sealed.
    #[serde(default)]
    pub payload: Option<Box<RawValue>>,
    /// An existing client's description: its text, or an object with `sdp`.
    #[serde(default)]
    pub sdp: Option<Value>,
    /// An existing client's way to its device: an object as browsers make it, or its text.
    #[serde(default)]
    pub candidate: Option<Value>,
    /// `false`: nobody vouches for it.
    #[serde(default)]
    pub verified: Option<bool>,
    /// Whether somebody begins to speak.
    #[serde(default)]
    pub speaking: Option<bool>,
}

/// The record of a call, and where it stands.
#[derive(Debug, Deserialize)]
pub struct CallRecordFrame {
    /// The log.
    pub log: LogId,
    /// The position in it.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub body: CallRecordBody,
}

/// What the server says of calls.
#[derive(Debug)]
pub enum CallIncoming {
    /// Somebody says something.
    Said(CallSaid),
    /// A call is not what it was.
    State(CallStateFrame<'static>),
    /// Who is in a chat's call.
    Roster(CallRoster),
    /// A call is over, and in its log.
    Record(CallRecordFrame),
}

/// A frame of this client's about a call.
#[derive(Debug, Clone)]
pub struct CallOutgoing<'a> {
    /// Its type.
    pub kind: &'static str,
    /// The call.
    pub call_id: CallId,
    /// Names the answer.
    pub client_id: Uuid,
    /// The other person; who begins a call, and within a chat's call, says so.
    pub target: Option<Uid>,
    /// The chat whose call is begun.
    pub chat: Option<LogId>,
    /// The one device it is for.
    pub device: Option<DeviceHandle>,
    /// What is in the call.
    pub media: Option<Media>,
    /// `busy`, of one that is declined because of another.
    pub busy: bool,
    /// Whether one begins to speak.
    pub speaking: Option<bool>,
    /// What is sealed.
    pub payload: Option<&'a RawValue>,
    /// What is said to an existing client: the member's name and value.
    pub plain: Option<(&'static str, Value)>,
}

impl CallOutgoing<'_> {
    /// The frame's text.
    pub fn text(&self) -> String {
        let mut frame = Map::new();
        let mut put = |name: &str, value: Value| frame.insert(name.to_owned(), value);
        put("type", json!(self.kind));
        put("call_id", json!(self.call_id));
        put("client_id", json!(self.client_id));
        if let Some(target) = self.target {
            put("target", json!(target));
        }
        if let Some(chat) = self.chat {
            put("chat_id", json!(ChatId(chat)));
        }
        if let Some(device) = self.device {
            put("device", json!(device));
        }
        if let Some(media) = self.media {
            put("media", json!(media));
        }
        if self.busy {
            put("reason", json!("busy"));
        }
        if let Some(speaking) = self.speaking {
            put("speaking", json!(speaking));
        }
        if let Some(payload) = self.payload {
            // Sealed by this program, so it is JSON.
            let payload = serde_json::from_str(payload.get()).unwrap_or(Value::Null);
            put("payload", payload);
        }
        if let Some((name, value)) = &self.plain {
            put(name, value.clone());
        }
        Value::Object(frame).to_string()
    }
}
