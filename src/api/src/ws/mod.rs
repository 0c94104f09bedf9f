//! WebSockets: the upgrade, the connection's socket I/O, and what each frame asks for.

mod calls;
mod connection;
mod conversation;
mod dispatch;
mod payload;
mod upgrade;

pub(crate) use payload::{current_string, payload_for, sent_payload};
pub(crate) use upgrade::routes;
