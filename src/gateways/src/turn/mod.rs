//! STUN (RFC 8489) and TURN (RFC 8656) in the process: a relay for calls whose two sides cannot reach each other.
//!
//! The crate `turn` has no place for judging peers, quotas or revocations, and one task for all packets of a listener,
//! so the relay is our own (docs/adr/0070). One task reads each listener, one each relayed address; the message path
//! has no lock that two clients share for longer than a look into a table, no buffer of its own for each allocation,
//! and never waits: what does not fit is dropped, as the network would.

mod allocate;
mod allocation;
mod authenticate;
mod bandwidth;
mod figures;
mod manage;
mod message;
mod nonce;
mod peers;
mod ports;
mod relay;
mod seats;
mod server;
mod settings;
mod stream;
mod udp;
mod way;

pub use figures::{TransportFigures, TurnFigures};
pub use melo_stun::Transport;
pub use peers::{Peers, Reach, is_public};
pub use server::{Bound, TurnServer, Unbound, own_addresses};
pub use settings::{Account, Authority, CannotSay, RelayAddress, TurnLimits, TurnSettings};

#[cfg(test)]
mod tests;
