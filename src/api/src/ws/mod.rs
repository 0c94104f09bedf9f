//! WebSockets: the upgrade, the connection's socket I/O, and what each frame asks for.

mod connection;
mod dispatch;
mod payload;
mod upgrade;

pub(crate) use payload::{payload_for, payload_string};
pub(crate) use upgrade::routes;
