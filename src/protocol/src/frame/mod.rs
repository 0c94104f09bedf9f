//! WebSocket frames: one JSON object each, told apart by `type`.

mod client;
mod presence;
mod server;

pub use client::{ClientFrame, FrameError, MAX_RESUME_CURSORS, Recipient};
pub use presence::{StatusChange, TypingChange, TypingFrame};
pub use server::{
    ContactState, ErrorFrame, History, LogEventFrame, MsgStatus, Pong, RelayDelivery, Reset,
    StatusKind, Synced, render_opaque_delivery,
};
