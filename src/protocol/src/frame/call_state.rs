//! What the server says of calls.

use std::borrow::Cow;

use melo_domain::{CallId, CallState, ChatId, DeviceHandle, EndReason, Media, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a call stands, for the device that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// The devices of the one who is called ring.
    Ringing,
    /// It was answered.
    Answered,
    /// One of the two hears the other.
    Connected,
    /// It was declined.
    Rejected,
    /// The other is in a call.
    Busy,
    /// Nobody answered in time.
    Missed,
    /// The caller gave up.
    Cancelled,
    /// It is over.
    Ended,
    /// Another device of one's own has answered.
    AnsweredElsewhere,
    /// Another device of one's own has declined.
    DeclinedElsewhere,
    /// The call goes on with another device.
    Transferred,
}

impl From<CallState> for CallStatus {
    fn from(state: CallState) -> Self {
        match state {
            CallState::Ringing => Self::Ringing,
            CallState::Answered => Self::Answered,
            CallState::Connected => Self::Connected,
            CallState::Rejected => Self::Rejected,
            CallState::Busy => Self::Busy,
            CallState::Missed => Self::Missed,
            CallState::Cancelled => Self::Cancelled,
            CallState::Ended => Self::Ended,
        }
    }
}

/// `call_state`: a call is not what it was, or is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "call_state")]
pub struct CallStateFrame<'a> {
    /// Where it stands.
    pub state: CallStatus,
    /// Who has made it so; of what nobody did, who has called.
    pub from: Uid,
    /// The other of the two; of a chat's call, who is told.
    pub to: Uid,
    /// The call.
    pub call_id: CallId,
    /// The chat, of a chat's call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// The device that is in the call for `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceHandle>,
    /// What is in it.
    pub media: Media,
    /// Why it is over: an [`EndReason`], or for existing clients the state that they do not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// When it came to this.
    pub at: Timestamp,
    /// Until when it rings; with `ringing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rings_until: Option<Timestamp>,
    /// The frame's own id; in the answer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// Somebody in a chat's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub user_id: Uid,
    /// With which device.
    pub device: DeviceHandle,
    /// Since when.
    pub since: Timestamp,
}

/// How those in a chat's call reach each other. A server that forwards media would be another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Each device has a connection to each other one.
    Mesh,
}

/// `call_roster`: who is in a chat's call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "call_roster")]
pub struct CallRoster {
    /// The call.
    pub call_id: CallId,
    /// The chat.
    pub chat_id: ChatId,
    /// How they reach each other.
    pub topology: Topology,
    /// What is in it.
    pub media: Media,
    /// Everybody in it, in the order in which they came.
    pub participants: Vec<Participant>,
    /// When it came to this.
    pub at: Timestamp,
    /// The frame's own id; in the answer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
}

/// `call_speaking`: somebody in a chat's call begins or ceases to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "call_speaking")]
pub struct CallSpeaking {
    /// The call.
    pub call_id: CallId,
    /// Who.
    pub from: Uid,
    /// With which device.
    pub device: DeviceHandle,
    /// Whether they speak.
    pub speaking: bool,
}

/// What is kept of a call in a log, and comes as `call_record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecordBody {
    /// The call.
    pub call_id: CallId,
    /// Who has called, or begun it.
    pub caller: Uid,
    /// Who was called; absent of a chat's call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callee: Option<Uid>,
    /// How it ended.
    pub state: CallState,
    /// Why, where the state does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// What was in it.
    pub media: Media,
    /// When it began.
    pub started_at: Timestamp,
    /// Seconds from the answer to the end; 0 of one that nobody answered.
    pub duration: u64,
    /// Everybody who was in a chat's call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Uid>,
}
