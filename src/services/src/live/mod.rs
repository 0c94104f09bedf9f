//! One device's live connection, as a state machine without a socket: what it has been sent, what it still
//! has to be sent, what it has acknowledged.

mod backlog;
mod pages;
mod place;
mod receipts;
mod session;
mod snapshot;
mod trail;

pub use backlog::Outgoing;
pub(crate) use pages::Pages;
pub use session::{LiveError, LiveSession, Step};
pub use snapshot::{LogView, Snapshot, snapshot};
pub(crate) use trail::Trails;
pub use trail::{LastEventId, Stream};
