//! Counts, without anything about anybody.

use std::sync::atomic::{AtomicU64, Ordering};

use melo_stun::Transport;

/// Why something was refused or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Credentials that were expired, foreign or revoked.
    Unauthorized,
    /// A peer that is not relayed to.
    Forbidden,
    /// The account has as much as it may.
    Quota,
    /// The server has.
    Capacity,
    /// A packet beyond the bandwidth, or that nobody took in time.
    Dropped,
    /// Not a message.
    Malformed,
}

/// Figures of one transport at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TransportFigures {
    /// Allocations that live.
    pub live: u64,
    /// Allocations since the start.
    pub made: u64,
    /// Payload that was relayed, both directions together.
    pub bytes: u64,
}

/// Figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TurnFigures {
    /// By transport, in the order of [`Transport::ALL`].
    pub transports: [TransportFigures; 3],
    /// Requests with credentials that were not good.
    pub unauthorized: u64,
    /// Peers that were refused.
    pub forbidden: u64,
    /// Requests beyond what an account may have.
    pub quota: u64,
    /// Requests beyond what the server holds.
    pub capacity: u64,
    /// Packets that were not relayed.
    pub dropped: u64,
    /// Packets that were not understood.
    pub malformed: u64,
}

impl TurnFigures {
    /// Allocations that live.
    pub fn live(&self) -> u64 {
        self.transports.iter().map(|figures| figures.live).sum()
    }
}

#[derive(Default)]
pub(super) struct Counters {
    live: [AtomicU64; 3],
    made: [AtomicU64; 3],
    bytes: [AtomicU64; 3],
    refused: [AtomicU64; 6],
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Counters {
    pub fn began(&self, transport: Transport) {
        self.live[transport as usize].fetch_add(1, Ordering::Relaxed);
        self.made[transport as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn ended(&self, transport: Transport) {
        self.live[transport as usize].fetch_sub(1, Ordering::Relaxed);
    }

    pub fn relayed(&self, transport: Transport, bytes: usize) {
        self.bytes[transport as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub fn refused(&self, why: Refusal) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn figures(&self) -> TurnFigures {
        let refused = |why: Refusal| get(&self.refused[why as usize]);
        TurnFigures {
            transports: Transport::ALL.map(|transport| TransportFigures {
                live: get(&self.live[transport as usize]),
                made: get(&self.made[transport as usize]),
                bytes: get(&self.bytes[transport as usize]),
            }),
            unauthorized: refused(Refusal::Unauthorized),
            forbidden: refused(Refusal::Forbidden),
            quota: refused(Refusal::Quota),
            capacity: refused(Refusal::Capacity),
            dropped: refused(Refusal::Dropped),
            malformed: refused(Refusal::Malformed),
        }
    }
}
