//! Figures, for people and for programs. Latencies are counted in microseconds.

mod calls;
mod chats;
mod fanout;
mod run;
mod server;
mod turn;

use std::cell::RefCell;
use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

pub(crate) use calls::CallsReport;
pub(crate) use chats::{
    ListFigures, ListsReport, ReconnectReport, ReconnectRound, StoredReport, StoredRun,
};
pub(crate) use fanout::{FanoutLoad, FanoutReport};
pub(crate) use run::{Faults, RunReport, ServerLoad};
pub(crate) use server::{IdleReport, LoginReport, StartReport};
pub(crate) use turn::{RelayRound, TurnReport};

/// The longest latency that is told apart from longer ones, in microseconds.
const LONGEST: u64 = 60_000_000;
/// Significant digits that are kept.
const DIGITS: u8 = 3;

/// An empty histogram of microseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    match Histogram::new_with_max(LONGEST, DIGITS) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("a range of two or more and up to five digits are always possible"),
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
        let Self {
            p50_ms,
            p95_ms,
            p99_ms,
            p999_ms,
            max_ms,
            ..
        } = self;
        line(
            text,
            name,
            &format!(
                "p50 {p50_ms:.2}  p95 {p95_ms:.2}  p99 {p99_ms:.2}  p99.9 {p999_ms:.2}  max {max_ms:.2} ms"
            ),
        );
    }
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{name:<18}{value}");
}
