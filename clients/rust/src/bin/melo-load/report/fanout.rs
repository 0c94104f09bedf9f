//! Figures of messages to chats.

use serde::Serialize;

use super::{Faults, Latency, RunReport, line, mib};

/// The server's process during a run; absent when its process id is not known.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct FanoutLoad {
    /// User and system time for each copy that was delivered.
    pub cpu_us_per_copy: Option<f64>,
    /// The same without what it needs to hold the connections.
    pub cpu_us_per_copy_above_quiet: Option<f64>,
    /// Of one processor.
    pub cpu_percent: Option<f64>,
    /// Of one processor, connected to everybody, while nothing was written.
    pub quiet_percent: Option<f64>,
    /// With everybody connected.
    pub resident_kib: Option<u64>,
}

/// Of `group`, `channel`, and the parts of `stored`.
#[derive(Debug, Serialize)]
pub(crate) struct FanoutReport {
    pub chats: usize,
    /// Of all members.
    pub connections: usize,
    /// With signing in.
    pub connecting_seconds: f64,
    /// Messages a second.
    pub offered: f64,
    /// Members besides the one who writes, on average.
    pub copies_per_message: f64,
    pub size: u32,
    pub ack_within_ms: u64,
    pub seconds: f64,
    /// In all, with the warm-up.
    pub sent: u64,
    pub copies_per_second: f64,
    /// Rows in the chats' logs.
    pub events_per_message: f64,
    pub to_queued: Latency,
    /// To each member.
    pub to_each: Latency,
    /// To the last member.
    pub to_last: Latency,
    /// How late this program was itself; part of all of these.
    pub schedule_lag: Latency,
    pub server: FanoutLoad,
    pub client_cpu_us_per_copy: Option<f64>,
    pub client_cpu_percent: Option<f64>,
    pub faults: Faults,
    /// As many deliveries of direct messages, on the same server.
    pub baseline: Option<Box<RunReport>>,
    /// Server time for a copy, as a part of that for a direct message.
    pub cpu_ratio: Option<f64>,
}

impl FanoutReport {
    /// Sets direct messages beside it.
    pub(crate) fn compare(&mut self, baseline: RunReport) {
        let direct = baseline.server.cpu_us_per_message;
        self.cpu_ratio = self.server.cpu_us_per_copy.zip(direct).map(|(a, b)| a / b);
        self.baseline = Some(Box::new(baseline));
    }

    /// Whether nothing went wrong.
    pub(crate) fn sound(&self) -> bool {
        self.faults.none() && self.baseline.as_ref().is_none_or(|run| run.faults.none())
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Self {
            chats,
            connections,
            connecting_seconds,
            offered,
            copies_per_message,
            size,
            seconds,
            ..
        } = self;
        line(
            &mut text,
            "load",
            &format!(
                "{offered} messages/s to {chats} chats, {copies_per_message:.0} copies each, {size} B, {seconds:.1} s"
            ),
        );
        line(
            &mut text,
            "connections",
            &format!("{connections}, signed in and connected in {connecting_seconds:.1} s"),
        );
        self.to_queued.line(&mut text, "send to queued");
        self.to_each.line(&mut text, "to each member");
        self.to_last.line(&mut text, "to the last one");
        self.schedule_lag.line(&mut text, "own lateness");
        self.costs(&mut text);
        line(
            &mut text,
            "rows of the log",
            &format!("{:.3} for each message", self.events_per_message),
        );
        let all = format!(
            "all {} messages reached everybody once, in order, without a gap",
            self.sent
        );
        self.faults.line(&mut text, &all);
        if let Some(baseline) = &self.baseline {
            line(&mut text, "-- direct", "as many deliveries");
            text.push_str(&baseline.text());
        }
        if let Some(ratio) = self.cpu_ratio {
            let of = format!("{ratio:.2} of what a direct message costs the server");
            line(&mut text, "a copy costs", &of);
        }
        text
    }

    fn costs(&self, text: &mut String) {
        let server = &self.server;
        if let (Some(cpu), Some(percent)) = (server.cpu_us_per_copy, server.cpu_percent) {
            let above = server.cpu_us_per_copy_above_quiet.unwrap_or(cpu);
            let quiet = server.quiet_percent.unwrap_or_default();
            line(
                text,
                "server CPU",
                &format!(
                    "{cpu:.1} µs for each copy ({above:.1} without the connections), {percent:.0} % of a processor \
                     ({quiet:.1} % when quiet)"
                ),
            );
        }
        if let (Some(cpu), Some(percent)) = (self.client_cpu_us_per_copy, self.client_cpu_percent) {
            line(
                text,
                "own CPU",
                &format!("{cpu:.1} µs for each copy, {percent:.0} % of a processor"),
            );
        }
        if let Some(kib) = server.resident_kib {
            line(text, "server memory", &mib(kib));
        }
    }
}
