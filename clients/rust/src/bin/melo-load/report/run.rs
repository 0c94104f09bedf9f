//! Figures of messages between pairs.

use serde::Serialize;

use super::{Latency, LoginReport, line, mib};

/// Texts of faults that are kept.
const NOTES: usize = 5;

/// What must not happen.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Faults {
    /// Sent, and never delivered.
    pub lost: u64,
    /// Left out between two deliveries.
    pub skipped: u64,
    /// Delivered again.
    pub repeated: u64,
    /// Delivered after a later one.
    pub out_of_order: u64,
    /// Positions of a log that no frame spoke of.
    pub gaps: u64,
    /// Sent, and never answered.
    pub unanswered: u64,
    /// Answered again.
    pub repeated_answers: u64,
    /// Answered with an error.
    pub refused: u64,
    /// Connections that ended by themselves.
    pub connections_lost: u64,
    /// The first few, in words.
    pub notes: Vec<String>,
}

impl Faults {
    /// Whether nothing went wrong.
    pub(crate) fn none(&self) -> bool {
        self.counts().iter().all(|(_, count)| *count == 0)
    }

    /// Keeps a text.
    pub(crate) fn note(&mut self, text: &str) {
        if self.notes.len() < NOTES && !self.notes.iter().any(|note| note == text) {
            self.notes.push(text.to_owned());
        }
    }

    /// What went wrong, or `all` went well.
    pub(super) fn line(&self, text: &mut String, all: &str) {
        if self.none() {
            line(text, "checked", all);
            return;
        }
        for (name, count) in self.counts() {
            if count > 0 {
                line(text, "WRONG", &format!("{count} {name}"));
            }
        }
        for note in &self.notes {
            line(text, "", note);
        }
    }

    fn counts(&self) -> [(&'static str, u64); 9] {
        [
            ("lost", self.lost),
            ("skipped", self.skipped),
            ("repeated", self.repeated),
            ("out of order", self.out_of_order),
            ("gaps", self.gaps),
            ("unanswered", self.unanswered),
            ("repeated answers", self.repeated_answers),
            ("refused", self.refused),
            ("connections lost", self.connections_lost),
        ]
    }
}

/// The server's process during a run; absent when its process id is not known.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ServerLoad {
    /// User and system time for each delivered message.
    pub cpu_us_per_message: Option<f64>,
    /// Of one processor.
    pub cpu_percent: Option<f64>,
    pub resident_before_kib: Option<u64>,
    pub resident_after_kib: Option<u64>,
}

/// Of `run`.
#[derive(Debug, Serialize)]
pub(crate) struct RunReport {
    /// Messages a second; absent flat out.
    pub offered: Option<f64>,
    pub outstanding: Option<u32>,
    pub pairs: usize,
    pub both_ways: bool,
    pub size: u32,
    pub seconds: f64,
    /// In all, with the warm-up.
    pub sent: u64,
    pub queued_per_second: f64,
    pub delivered_per_second: f64,
    pub to_queued: Latency,
    pub to_delivery: Latency,
    /// How late this program was itself; part of both latencies.
    pub schedule_lag: Option<Latency>,
    pub server: ServerLoad,
    pub client_cpu_us_per_message: Option<f64>,
    pub client_cpu_percent: Option<f64>,
    pub faults: Faults,
    pub logins: Option<LoginReport>,
}

impl RunReport {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let load = match (self.offered, self.outstanding) {
            (Some(rate), _) => format!("{rate} messages/s offered"),
            (None, outstanding) => {
                format!("flat out, {} outstanding", outstanding.unwrap_or_default())
            }
        };
        let ways = if self.both_ways { ", both ways" } else { "" };
        let (pairs, size, seconds) = (self.pairs, self.size, self.seconds);
        line(
            &mut text,
            "load",
            &format!("{load}, {pairs} pairs{ways}, {size} B, {seconds:.1} s"),
        );
        line(
            &mut text,
            "messages/s",
            &format!(
                "{:.0} queued, {:.0} delivered",
                self.queued_per_second, self.delivered_per_second
            ),
        );
        self.to_queued.line(&mut text, "send to queued");
        self.to_delivery.line(&mut text, "send to delivery");
        if let Some(lag) = &self.schedule_lag {
            lag.line(&mut text, "own lateness");
        }
        if let (Some(cpu), Some(percent)) =
            (self.server.cpu_us_per_message, self.server.cpu_percent)
        {
            line(
                &mut text,
                "server CPU",
                &format!("{cpu:.1} µs for each delivered message, {percent:.0} % of a processor"),
            );
        }
        if let (Some(cpu), Some(percent)) =
            (self.client_cpu_us_per_message, self.client_cpu_percent)
        {
            line(
                &mut text,
                "own CPU",
                &format!("{cpu:.1} µs for each delivered message, {percent:.0} % of a processor"),
            );
        }
        if let (Some(before), Some(after)) = (
            self.server.resident_before_kib,
            self.server.resident_after_kib,
        ) {
            line(
                &mut text,
                "server memory",
                &format!("{} before, {} after", mib(before), mib(after)),
            );
        }
        if let Some(logins) = &self.logins {
            text.push_str(&logins.text());
        }
        let all = format!(
            "all {} messages arrived once, in order, without a gap",
            self.sent
        );
        self.faults.line(&mut text, &all);
        text
    }
}
