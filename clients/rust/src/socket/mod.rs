//! The WebSocket: frames, one connection, and the pace of reconnecting. What is done with the frames is the
//! business of [`crate::client`].

mod backoff;
mod call_frame;
mod chat_frame;
mod connection;
mod frame;

pub use backoff::Backoff;
pub(crate) use backoff::jitter;
pub use call_frame::{CallIncoming, CallOutgoing, CallRecordFrame, CallSaid};
pub use chat_frame::{ChangeFrame, ChangeKind, ChatNotice, NoticeKind, outgoing};
pub(crate) use chat_frame::{message_of, name_of};
pub use connection::{Closed, ConnectError, Connection, FrameReader, FrameWriter};
pub use frame::{Incoming, MalformedFrame, Place, Unknown, ack, ack_read, ping, reauth, resume};
