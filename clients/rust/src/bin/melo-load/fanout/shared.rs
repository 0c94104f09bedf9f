//! What the connections of one run count together. One thread: cells, no locks.

use std::cell::{Cell, RefCell};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::fail::Failure;
use crate::report::{Faults, histogram, record};
use crate::run::{Window, nanos};

/// One run.
pub(super) struct Shared {
    /// Names this run in payloads.
    pub mark: u32,
    base: Instant,
    pub window: Cell<Window>,
    /// Between two messages, in nanoseconds.
    pub interval: u64,
    /// How many members each message has still to reach, by its number.
    waiting_for: RefCell<Vec<usize>>,
    expected_copies: usize,
    pub sent: Cell<u64>,
    pub answered: Cell<u64>,
    pub copies: Cell<u64>,
    /// Messages that have reached everybody.
    pub complete: Cell<u64>,
    pub to_queued: RefCell<Histogram<u64>>,
    /// To each member.
    pub to_each: RefCell<Histogram<u64>>,
    /// To the last member.
    pub to_last: RefCell<Histogram<u64>>,
    /// From when a message was due to when it was handed to TLS: this program's own lateness.
    pub lag: RefCell<Histogram<u64>>,
    pub faults: RefCell<Faults>,
}

impl Shared {
    /// `copies` has the number of members that each message is to reach.
    pub(super) fn new(mark: u32, interval: u64, copies: Vec<usize>) -> Self {
        Self {
            mark,
            base: Instant::now(),
            window: Cell::default(),
            interval,
            expected_copies: copies.iter().sum(),
            waiting_for: RefCell::new(copies),
            sent: Cell::new(0),
            answered: Cell::new(0),
            copies: Cell::new(0),
            complete: Cell::new(0),
            to_queued: RefCell::new(histogram()),
            to_each: RefCell::new(histogram()),
            to_last: RefCell::new(histogram()),
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
        self.base + std::time::Duration::from_nanos(at)
    }

    /// When a message is due.
    pub(super) fn due(&self, number: u64) -> u64 {
        self.window.get().start + number * self.interval
    }

    /// Messages of this run.
    pub(super) fn planned(&self) -> u64 {
        self.waiting_for.borrow().len() as u64
    }

    /// On average.
    pub(super) fn copies_per_message(&self) -> f64 {
        self.expected_copies as f64 / self.planned().max(1) as f64
    }

    /// Whether every message was answered and has reached everybody.
    pub(super) fn all_arrived(&self) -> bool {
        let planned = self.planned();
        self.answered.get() >= planned && self.complete.get() >= planned
    }

    pub(super) fn note_sent(&self, number: u64, now: u64) {
        self.sent.set(self.sent.get() + 1);
        self.measure(&self.lag, number, now);
    }

    pub(super) fn note_queued(&self, number: u64, now: u64) {
        self.answered.set(self.answered.get() + 1);
        self.measure(&self.to_queued, number, now);
    }

    pub(super) fn note_delivered(&self, number: u64, now: u64) {
        self.copies.set(self.copies.get() + 1);
        self.measure(&self.to_each, number, now);
        let mut waiting_for = self.waiting_for.borrow_mut();
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(left) = waiting_for.get_mut(index) else {
            return;
        };
        // One that comes again is counted by the member it comes to.
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.complete.set(self.complete.get() + 1);
            self.measure(&self.to_last, number, now);
        }
    }

    /// Copies that never came.
    pub(super) fn outstanding(&self) -> u64 {
        self.waiting_for.borrow().iter().sum::<usize>() as u64
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

    fn measure(&self, what: &RefCell<Histogram<u64>>, number: u64, now: u64) {
        let due = self.due(number);
        if self.window.get().holds(due) {
            record(what, now.saturating_sub(due));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_message_has_arrived_when_the_last_member_has_it() {
        let shared = Shared::new(1, 1_000_000, vec![2, 1]);
        let (from, to) = (Duration::ZERO, Duration::from_secs(1));
        shared.window.set(Window::starting_at(0, from, to));
        shared.note_delivered(0, 5_000_000);
        assert_eq!((shared.complete.get(), shared.outstanding()), (0, 2));
        shared.note_delivered(0, 9_000_000);
        shared.note_delivered(1, 2_000_000);
        assert_eq!((shared.complete.get(), shared.outstanding()), (2, 0));
        // Three digits are kept.
        let to_last = shared.to_last.borrow().max();
        assert!((9_000..9_010).contains(&to_last), "{to_last}");
        assert_eq!(shared.to_each.borrow().len(), 3);
        assert!(!shared.all_arrived());
        shared.note_queued(0, 1);
        shared.note_queued(1, 1);
        assert!(shared.all_arrived());
    }
}
