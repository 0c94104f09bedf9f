//! What does not stay: messages whose time is over, and events that are older than they are kept.

mod expire;
mod prune;

pub use expire::sweep_expired;
pub use prune::Pruning;

use melo_domain::LogId;
use melo_realtime::BusMessage;

use crate::Core;

/// Events of a log are not what they were, and no event of the log says so: whoever remembers some forgets them.
pub(crate) fn forget_log(core: &Core, log: LogId) {
    core.bus.publish(BusMessage::LogChanged { log });
}
