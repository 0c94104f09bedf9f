//! What all connections of one run count together. One thread: cells, no locks.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::nanos;
use crate::fail::Failure;
use crate::report::{Faults, histogram, record};

/// The measured span, in nanoseconds since the run's base.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    /// The first message is due.
    pub start: u64,
    /// Measuring begins.
    pub from: u64,
    /// Measuring, and sending, ends.
    pub to: u64,
}

impl Window {
    /// Sending starts at `start`, measuring after the warm-up.
    pub(crate) fn starting_at(start: u64, warmup: Duration, measured: Duration) -> Self {
        let from = start + nanos(warmup);
        Self {
            start,
            from,
            to: from + nanos(measured),
        }
    }

    /// Whether something due then is measured.
    pub(crate) fn holds(self, at: u64) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// One run.
pub(super) struct Shared {
    /// Names this run in payloads.
    pub mark: u32,
    base: Instant,
    pub window: Cell<Window>,
    pub sent: Cell<u64>,
    pub queued: Cell<u64>,
    pub delivered: Cell<u64>,
    pub to_queued: RefCell<Histogram<u64>>,
    pub to_delivery: RefCell<Histogram<u64>>,
    /// From when a message was due to when it was handed to TLS: this program's own lateness.
    pub lag: RefCell<Histogram<u64>>,
    pub faults: RefCell<Faults>,
}

impl Shared {
    pub(super) fn new(mark: u32) -> Self {
        Self {
            mark,
            base: Instant::now(),
            window: Cell::default(),
            sent: Cell::new(0),
            queued: Cell::new(0),
            delivered: Cell::new(0),
            to_queued: RefCell::new(histogram()),
            to_delivery: RefCell::new(histogram()),
            lag: RefCell::new(histogram()),
            faults: RefCell::default(),
        }
    }

    /// Nanoseconds since the run's base.
    pub(super) fn now(&self) -> u64 {
        nanos(self.base.elapsed())
    }

    /// A moment for timers.
    pub(super) fn instant(&self, at: u64) -> Instant {
        self.base + Duration::from_nanos(at)
    }

    pub(super) fn note_sent(&self, due: u64, now: u64) {
        self.sent.set(self.sent.get() + 1);
        if self.window.get().holds(due) {
            record(&self.lag, now.saturating_sub(due));
        }
    }

    pub(super) fn note_queued(&self, due: u64, now: u64) {
        self.queued.set(self.queued.get() + 1);
        if self.window.get().holds(due) {
            record(&self.to_queued, now.saturating_sub(due));
        }
    }

    pub(super) fn note_delivered(&self, due: u64, now: u64) {
        self.delivered.set(self.delivered.get() + 1);
        if self.window.get().holds(due) {
            record(&self.to_delivery, now.saturating_sub(due));
        }
    }

    pub(super) fn note_refused(&self, text: &[u8]) {
        let mut faults = self.faults.borrow_mut();
        faults.refused += 1;
        faults.note(&String::from_utf8_lossy(text));
    }

    pub(super) fn lost_connection(&self, why: &Failure) {
        let mut faults = self.faults.borrow_mut();
        faults.connections_lost += 1;
        faults.note(&why.to_string());
    }
}

/// What the two sides of a pair know of each other, to tell when everything has arrived.
#[derive(Debug, Default)]
pub(super) struct PairState {
    /// Messages sent, by side.
    pub sent: [Cell<u64>; 2],
    /// Whether a side has sent its last, and knows what became of all.
    pub settled: [Cell<bool>; 2],
}
