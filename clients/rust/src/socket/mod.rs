//! The WebSocket: frames, one connection, and the pace of reconnecting. What is done with the frames is the
//! business of [`crate::client`].

mod backoff;
mod connection;
mod frame;

pub use backoff::Backoff;
pub(crate) use backoff::jitter;
pub use connection::{Closed, ConnectError, Connection, FrameReader, FrameWriter};
pub use frame::{
    Incoming, MalformedFrame, Place, Unknown, ack, ack_read, ping, reauth, relay, resume,
};
