//! WebSocket frames: one JSON object each, told apart by `type`.

mod call;
mod call_state;
mod client;
mod own;
mod presence;
mod relayed;
mod server;

pub use call::{
    CallAction, CallFrame, CallHead, CallQualityFrame, MAX_CALL_FRAME_BYTES, cut_call_frame,
};
pub use call_state::{
    CallRecordBody, CallRoster, CallSpeaking, CallStateFrame, CallStatus, Participant, Topology,
};
pub use client::{ClientFrame, FrameError, MAX_RESUME_CURSORS, MessageChange, Recipient};
pub use own::{DraftFrame, MessagesRead};
pub use presence::{StatusChange, TypingChange, TypingFrame};
pub use relayed::{MAX_RELAYED_BYTES, is_relayed};
pub use server::{
    ContactState, ErrorFrame, History, LogEventFrame, MsgStatus, Pong, RelayDelivery, Reset,
    StatusKind, Synced, render_opaque_delivery,
};
