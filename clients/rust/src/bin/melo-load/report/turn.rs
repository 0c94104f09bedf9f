//! Figures of the relay for calls.

use serde::Serialize;

use super::{line, mib};

/// A bare forwarder and the relay, one after the other.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct RelayRound {
    /// Megabits of payload in a second.
    pub forwarder_mbit: f64,
    pub relay_mbit: f64,
    /// Datagrams that did not come out.
    pub forwarder_lost: u64,
    pub relay_lost: u64,
    /// Of the server, for each datagram.
    pub server_cpu_us: Option<f64>,
}

/// Of `turn`.
#[derive(Debug, Serialize)]
pub(crate) struct TurnReport {
    /// Bytes of a datagram.
    pub payload: usize,
    pub rounds: Vec<RelayRound>,
    pub allocations: usize,
    pub resident_before_kib: u64,
    pub resident_held_kib: u64,
    pub resident_after_kib: u64,
    pub kib_per_allocation: f64,
}

impl TurnReport {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for round in &self.rounds {
            let RelayRound {
                forwarder_mbit,
                relay_mbit,
                forwarder_lost,
                relay_lost,
                server_cpu_us,
            } = round;
            let percent = relay_mbit / forwarder_mbit.max(0.001) * 100.0;
            line(
                &mut text,
                "relay",
                &format!(
                    "{relay_mbit:.0} Mbit/s of {} bytes, {percent:.0} % of a bare forwarder's {forwarder_mbit:.0}; lost {relay_lost}, {forwarder_lost}",
                    self.payload
                ),
            );
            if let Some(micros) = server_cpu_us {
                line(
                    &mut text,
                    "server processor",
                    &format!("{micros:.1} µs for each datagram"),
                );
            }
        }
        line(
            &mut text,
            "server memory",
            &format!(
                "{} before, {} with {} allocations, {} after",
                mib(self.resident_before_kib),
                mib(self.resident_held_kib),
                self.allocations,
                mib(self.resident_after_kib)
            ),
        );
        line(
            &mut text,
            "per allocation",
            &format!("{:.1} KiB", self.kib_per_allocation),
        );
        text
    }
}
