//! The live side of one node: the hub that knows its connections, a bounded outbox for each, and the bus
//! that joins nodes. Nothing here touches a socket or a row.

mod budget;
mod bus;
mod hub;
mod live_event;
mod outbox;
mod recent;

pub use budget::{Budget, Rate};
pub use bus::{Bus, BusMessage, BusSubscriber, InProcessBus};
pub use hub::{Hub, Member, Refused, Registration};
pub use live_event::{LiveEvent, render};
pub use outbox::{Close, Outbound, Outbox};
pub use recent::{Missing, Recent};
