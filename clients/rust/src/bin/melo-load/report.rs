//! Figures, for people and for programs. Latencies are counted in microseconds.

use std::cell::RefCell;
use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Two significant digits are kept, up to a minute.
const LONGEST_MICROS: u64 = 60_000_000;
/// Texts of faults that are kept.
const NOTES: usize = 5;

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    // The bounds are constants that the crate accepts; its fallback has three digits and any range.
    Histogram::new_with_max(LONGEST_MICROS, 3).unwrap_or_else(|_| auto_histogram())
}

fn auto_histogram() -> Histogram<u64> {
    match Histogram::new(3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("three digits are within one to five"),
    }
}

/// Adds a span of nanoseconds.
pub(crate) fn record(to: &RefCell<Histogram<u64>>, nanos: u64) {
    to.borrow_mut().saturating_record(nanos / 1000);
}

/// How long something took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub count: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
}

impl Latency {
    /// Of a histogram of microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |micros: u64| micros as f64 / 1000.0;
        let at = |quantile| ms(histogram.value_at_quantile(quantile));
        Self {
            count: histogram.len(),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: ms(histogram.max()),
        }
    }

    fn line(&self, text: &mut String, name: &str) {
        let Self { p50_ms, p95_ms, p99_ms, p999_ms, max_ms, .. } = self;
        line(
            text,
            name,
            &format!("p50 {p50_ms:.2}  p95 {p95_ms:.2}  p99 {p99_ms:.2}  p99.9 {p999_ms:.2}  max {max_ms:.2} ms"),
        );
    }
}

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
        if self.notes.len() < NOTES {
            self.notes.push(text.to_owned());
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
        if let (Some(cpu), Some(percent)) = (self.client_cpu_us_per_message, self.client_cpu_percent)
        {
            line(
                &mut text,
                "own CPU",
                &format!("{cpu:.1} µs for each delivered message, {percent:.0} % of a processor"),
            );
        }
        if let (Some(before), Some(after)) =
            (self.server.resident_before_kib, self.server.resident_after_kib)
        {
            line(
                &mut text,
                "server memory",
                &format!("{} before, {} after", mib(before), mib(after)),
            );
        }
        if let Some(logins) = &self.logins {
            text.push_str(&logins.text());
        }
        self.faults_line(&mut text);
        text
    }

    fn faults_line(&self, text: &mut String) {
        if self.faults.none() {
            let all = format!("all {} messages arrived once, in order, without a gap", self.sent);
            line(text, "checked", &all);
            return;
        }
        for (name, count) in self.faults.counts() {
            if count > 0 {
                line(text, "WRONG", &format!("{count} {name}"));
            }
        }
        for note in &self.faults.notes {
            line(text, "", note);
        }
    }
}

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
        let Self { connections, connecting_seconds, held_seconds, lost, .. } = self;
        line(
            &mut text,
            "idle",
            &format!("{connections} connections, made in {connecting_seconds:.1} s, held {held_seconds} s, {lost} lost"),
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
            line(&mut text, "server CPU", &format!("{percent:.1} % of a processor"));
        }
        text
    }
}

/// Of `login`, and of the logins beside a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoginReport {
    pub parallel: usize,
    pub done: u64,
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
        let Self { parallel, done, failed, per_second, .. } = self;
        line(
            &mut text,
            "password logins",
            &format!("{per_second:.1}/s, {parallel} at a time; {done} done, {failed} failed"),
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
            &format!("{:.0} ms on an empty directory; {} ms after that", self.first_ms, again.join(", ")),
        );
        line(&mut text, "stopped after", &format!("{:.0} ms", self.stop_ms));
        line(&mut text, "memory at rest", &mib(self.resident_kib));
        text
    }
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name:<18}{value}");
}
