//! Use cases, one per file, named as the verb it is. Each takes domain types, checks what the caller may do,
//! opens and commits at most one transaction, and tells the bus what happened after the commit.

pub mod account;
mod caches;
pub mod contacts;
mod core;
mod cursor_buffer;
mod fault;
pub mod keys;
mod limits;
pub mod live;
pub mod messages;
mod notices;
mod password_pool;

pub use caches::DirectRoute;
pub use core::{Core, Parts, Policy, Window};
pub use fault::Fault;
pub use limits::LimitError;

use melo_domain::{DeviceHandle, SessionId, Timestamp, Uid};

/// Who makes a call: read from a verified access token of a live session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub uid: Uid,
    /// The device they call from.
    pub device: DeviceHandle,
    /// The session of the token.
    pub session: SessionId,
    /// When the token expires.
    pub expires: Timestamp,
}
