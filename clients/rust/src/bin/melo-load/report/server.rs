//! Figures of the server apart from messages: idle connections, logins, starting.

use serde::Serialize;

use super::{Latency, line, mib};

/// Of `idle`.
#[derive(Debug, Serialize)]
pub(crate) struct IdleReport {
    pub connections: usize,
    /// Connections that the server ended meanwhile.
    pub lost: usize,
    pub connecting_seconds: f64,
    pub held_seconds: u64,
    pub resident_before_kib: u64,
    pub resident_connected_kib: u64,
    pub resident_held_kib: u64,
    pub resident_closed_kib: u64,
    pub kib_per_connection: f64,
    /// Of one processor, while nothing but heartbeats went on.
    pub cpu_percent: Option<f64>,
}

impl IdleReport {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Self {
            connections,
            connecting_seconds,
            held_seconds,
            lost,
            ..
        } = self;
        line(
            &mut text,
            "idle",
            &format!(
                "{connections} connections, made in {connecting_seconds:.1} s, held {held_seconds} s, {lost} lost"
            ),
        );
        line(
            &mut text,
            "server memory",
            &format!(
                "{} before, {} connected, {} held, {} closed",
                mib(self.resident_before_kib),
                mib(self.resident_connected_kib),
                mib(self.resident_held_kib),
                mib(self.resident_closed_kib)
            ),
        );
        line(
            &mut text,
            "per connection",
            &format!("{:.1} KiB", self.kib_per_connection),
        );
        if let Some(percent) = self.cpu_percent {
            line(
                &mut text,
                "server CPU",
                &format!("{percent:.1} % of a processor"),
            );
        }
        text
    }
}

/// Of `login`, and of the logins beside a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoginReport {
    /// Users who sign in again and again.
    pub parallel: Option<usize>,
    /// Or logins that were begun in a second.
    pub offered_per_second: Option<u32>,
    pub offered: u64,
    pub done: u64,
    /// Turned away, to come again later.
    pub refused: u64,
    pub failed: u64,
    pub per_second: f64,
    pub latency: Latency,
    /// Of the server, for each login.
    pub cpu_ms: Option<f64>,
    /// One password hash on this machine, with nothing else going on.
    pub hash_ms: Option<f64>,
    pub note: Option<String>,
}

impl LoginReport {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Self {
            offered,
            done,
            refused,
            failed,
            per_second,
            ..
        } = self;
        let pace = match (self.parallel, self.offered_per_second) {
            (_, Some(rate)) => format!("{rate}/s offered"),
            (Some(many), None) => format!("{many} at a time"),
            (None, None) => String::new(),
        };
        line(
            &mut text,
            "password logins",
            &format!(
                "{pace}; {per_second:.1}/s done; of {offered}: {done} done, {refused} refused, {failed} failed"
            ),
        );
        self.latency.line(&mut text, "each login");
        if let (Some(cpu), Some(hash)) = (self.cpu_ms, self.hash_ms) {
            line(
                &mut text,
                "server CPU",
                &format!("{cpu:.1} ms for each login; the password hash alone {hash:.1} ms"),
            );
        }
        if let Some(note) = &self.note {
            line(&mut text, "", note);
        }
        text
    }
}

/// Of `start`.
#[derive(Debug, Serialize)]
pub(crate) struct StartReport {
    /// With keys, certificate and database to make.
    pub first_ms: f64,
    /// With all of it there.
    pub again_ms: Vec<f64>,
    pub resident_kib: u64,
    /// From SIGTERM to the end of the process.
    pub stop_ms: f64,
}

impl StartReport {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let again: Vec<String> = self.again_ms.iter().map(|ms| format!("{ms:.0}")).collect();
        line(
            &mut text,
            "ready after",
            &format!(
                "{:.0} ms on an empty directory; {} ms after that",
                self.first_ms,
                again.join(", ")
            ),
        );
        line(
            &mut text,
            "stopped after",
            &format!("{:.0} ms", self.stop_ms),
        );
        line(&mut text, "memory at rest", &mib(self.resident_kib));
        text
    }
}
