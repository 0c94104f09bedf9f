//! Figures of calls.

use serde::Serialize;

use super::{Faults, Latency, RunReport, line};

/// Of `calls`.
#[derive(Debug, Serialize)]
pub(crate) struct CallsReport {
    /// Calls begun a second.
    pub offered: f64,
    pub pairs: usize,
    /// Of each session description, in bytes.
    pub size: u32,
    pub seconds: u64,
    /// In all, with the warm-up.
    pub sent: u64,
    pub arrived_per_second: f64,
    /// From when an offer was due to its arrival at the other device.
    pub offer_in_to_out: Latency,
    /// How late this program was itself; part of it.
    pub schedule_lag: Latency,
    /// Of offers and of direct messages, at the 99th percentile.
    pub p99_ratio: Option<f64>,
    /// Server time for each call: offer, end, record in the log.
    pub cpu_us_per_call: Option<f64>,
    pub faults: Faults,
    /// As many direct messages, on the same server.
    pub baseline: Option<Box<RunReport>>,
}

impl CallsReport {
    /// Whether nothing was lost.
    pub(crate) fn sound(&self) -> bool {
        self.faults.none() && self.baseline.as_ref().is_none_or(|b| b.faults.none())
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Self {
            offered,
            pairs,
            size,
            seconds,
            ..
        } = self;
        let load = format!("{offered} calls/s offered, {pairs} pairs, {size} B, {seconds} s");
        line(&mut text, "load", &load);
        let arrived = format!("{:.0} arrived", self.arrived_per_second);
        line(&mut text, "calls/s", &arrived);
        self.offer_in_to_out.line(&mut text, "offer in to out");
        self.schedule_lag.line(&mut text, "own lateness");
        if let Some(cpu) = self.cpu_us_per_call {
            let used = format!("{cpu:.1} µs for each call, with its end and its record");
            line(&mut text, "server CPU", &used);
        }
        if let Some(ratio) = self.p99_ratio {
            let ratio = format!("{ratio:.2} times the p99 of direct messages");
            line(&mut text, "compared", &ratio);
        }
        let all = format!("all {} offers arrived once", self.sent);
        self.faults.line(&mut text, &all);
        if let Some(baseline) = &self.baseline {
            text.push_str("-- direct messages\n");
            text.push_str(&baseline.text());
        }
        text
    }
}
