//! Where calls find their way: STUN and TURN servers, and credentials for them.

mod account;
mod issue;

use std::time::Duration;

use melo_crypto::RelayPseudonyms;
use melo_domain::{Secret, SessionId, Uid};

pub use account::account;
pub use issue::{IceServer, IceServers, issue};

/// Which servers there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IceSource {
    /// None: calls go directly or not at all.
    Off,
    /// This server.
    Embedded {
        /// What it is reached by; otherwise by the name that the client called.
        host: Option<String>,
        /// What it listens on.
        ports: Vec<IcePort>,
    },
    /// Somebody else's.
    External(Vec<String>),
}

/// One of this server's ways in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcePort {
    /// `stun`, `turn` or `turns` (RFC 7064, RFC 7065).
    pub scheme: &'static str,
    /// Its port.
    pub port: u16,
    /// `udp` or `tcp`, for TURN.
    pub transport: Option<&'static str>,
}

/// What credentials are made of.
pub struct Ice {
    /// Names for sessions.
    pub pseudonyms: RelayPseudonyms,
    /// Shared with whoever relays.
    pub secret: Secret,
    /// How long credentials are good.
    pub life: Duration,
    /// For which servers.
    pub source: IceSource,
}

impl Ice {
    /// The names under which these sessions relay.
    pub fn pseudonyms_of(&self, uid: Uid, sessions: &[SessionId]) -> Vec<String> {
        let sessions = sessions.iter();
        sessions
            .map(|session| self.pseudonyms.of(uid, *session))
            .collect()
    }
}

/// What relaying amounts to, without anything about anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayFigures {
    /// By how clients reach the relay: `udp`, `tcp`, `tls`.
    pub transports: Vec<TransportFigures>,
    /// Requests and packets that were refused or dropped, by reason.
    pub refused: Vec<(&'static str, u64)>,
}

/// What goes over one transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportFigures {
    /// Which.
    pub name: &'static str,
    /// Allocations that live.
    pub live: u64,
    /// Allocations since the start.
    pub made: u64,
    /// Payload that was relayed, in both directions, in bytes.
    pub bytes: u64,
}

/// Says how the relay of this process does.
pub trait RelayGauge: Send + Sync {
    /// At this moment.
    fn figures(&self) -> RelayFigures;
}
