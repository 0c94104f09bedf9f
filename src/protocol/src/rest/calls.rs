//! Bodies of calls about calls.

use melo_domain::{CallId, CallState, ChatId, DeviceHandle, Media, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Somebody in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallParty {
    /// Who.
    pub user_id: Uid,
    /// With which device.
    pub device: DeviceHandle,
}

/// A call that goes on.
#[derive(Debug, Serialize, Deserialize)]
pub struct ActiveCallView {
    /// The call.
    pub call_id: CallId,
    /// The chat, of a chat's call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// Who has called, or begun it.
    pub caller: Uid,
    /// Who was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callee: Option<Uid>,
    /// Where it stands.
    pub state: CallState,
    /// What is in it.
    pub media: Media,
    /// When it began.
    pub started_at: Timestamp,
    /// Until when it rings, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rings_until: Option<Timestamp>,
    /// The devices in it.
    pub participants: Vec<CallParty>,
    /// What was said in it that the asking device needs, oldest first: the offer, and ways to the caller.
    pub frames: Vec<Box<RawValue>>,
}

/// Answer of GET /calls/active.
#[derive(Debug, Serialize, Deserialize)]
pub struct ActiveCallAnswer {
    /// The call; null where there is none.
    pub call: Option<ActiveCallView>,
}

/// POST /calls/quality: how a call was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityRequest {
    /// The call.
    pub call_id: CallId,
    /// Packets that did not arrive, in percent.
    pub loss: f64,
    /// Milliseconds.
    pub jitter: f64,
    /// Round trip, in milliseconds.
    pub rtt: f64,
    /// `host`, `srflx`, `prflx` or `relay`.
    #[serde(default)]
    pub candidate_type: Option<melo_domain::CandidateType>,
}
