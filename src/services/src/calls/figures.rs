//! How calls are, counted: no names, no ids, no times.

use std::sync::atomic::{AtomicU64, Ordering};

use melo_domain::{CallQuality, CandidateType};

/// Upper bounds of the loss histogram, in percent; what is above the last is counted apart.
pub const LOSS_BOUNDS: [f64; 6] = [0.1, 0.5, 1.0, 3.0, 5.0, 10.0];
/// Upper bounds of the jitter histogram, in milliseconds.
pub const JITTER_BOUNDS: [f64; 6] = [5.0, 10.0, 20.0, 30.0, 50.0, 100.0];
/// Upper bounds of the round-trip histogram, in milliseconds.
pub const ROUND_TRIP_BOUNDS: [f64; 6] = [25.0, 50.0, 100.0, 200.0, 400.0, 800.0];

/// How many values lie below each bound, and how many above the last.
#[derive(Debug, Default)]
struct Meter([AtomicU64; 7]);

impl Meter {
    fn count(&self, bounds: &[f64; 6], value: f64) {
        let place = bounds.iter().position(|bound| value <= *bound);
        if let Some(counter) = self.0.get(place.unwrap_or(bounds.len())) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn read(&self, bounds: &[f64; 6]) -> Histogram {
        let counts = self.0.iter().map(|c| c.load(Ordering::Relaxed));
        Histogram {
            bounds: bounds.to_vec(),
            counts: counts.collect(),
        }
    }
}

/// Counters of this node since its start.
#[derive(Debug, Default)]
pub(crate) struct CallMeters {
    reports: AtomicU64,
    loss: Meter,
    jitter: Meter,
    round_trip: Meter,
    candidates: [AtomicU64; 5],
}

/// Values in steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds of the steps but the last, which has none.
    pub bounds: Vec<f64>,
    /// Values in each step.
    pub counts: Vec<u64>,
}

/// What clients have reported to this node since its start.
#[derive(Debug, Clone, PartialEq)]
pub struct CallFigures {
    /// Reports.
    pub reports: u64,
    /// Lost packets, in percent.
    pub loss: Histogram,
    /// Jitter, in milliseconds.
    pub jitter: Histogram,
    /// Round trip, in milliseconds.
    pub round_trip: Histogram,
    /// How devices reached each other: the name, and how many.
    pub candidates: Vec<(&'static str, u64)>,
}

impl CallMeters {
    pub(super) fn count(&self, quality: &CallQuality) {
        self.reports.fetch_add(1, Ordering::Relaxed);
        self.loss.count(&LOSS_BOUNDS, quality.loss);
        self.jitter.count(&JITTER_BOUNDS, quality.jitter);
        self.round_trip
            .count(&ROUND_TRIP_BOUNDS, quality.round_trip);
        let place = quality.candidate.and_then(|candidate| {
            CandidateType::ALL
                .iter()
                .position(|known| *known == candidate)
        });
        if let Some(counter) = self
            .candidates
            .get(place.unwrap_or(CandidateType::ALL.len()))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> CallFigures {
        let names = CandidateType::ALL.iter().map(|known| known.as_str());
        let counts = self.candidates.iter().map(|c| c.load(Ordering::Relaxed));
        CallFigures {
            reports: self.reports.load(Ordering::Relaxed),
            loss: self.loss.read(&LOSS_BOUNDS),
            jitter: self.jitter.read(&JITTER_BOUNDS),
            round_trip: self.round_trip.read(&ROUND_TRIP_BOUNDS),
            candidates: names.chain(["unknown"]).zip(counts).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_counted_once_in_each_step() {
        let meters = CallMeters::default();
        let report = |loss, jitter, rtt, candidate| {
            meters.count(&CallQuality::new(loss, jitter, rtt, candidate).unwrap());
        };
        report(0.0, 4.0, 20.0, Some(CandidateType::Host));
        report(0.1, 12.0, 900.0, Some(CandidateType::Relay));
        report(50.0, 12.0, 90.0, None);
        let figures = meters.read();
        assert_eq!(figures.reports, 3);
        assert_eq!(figures.loss.counts, [2, 0, 0, 0, 0, 0, 1]);
        assert_eq!(figures.jitter.counts, [1, 0, 2, 0, 0, 0, 0]);
        assert_eq!(figures.round_trip.counts, [1, 0, 1, 0, 0, 0, 1]);
        let candidates = [
            ("host", 1),
            ("srflx", 0),
            ("prflx", 0),
            ("relay", 1),
            ("unknown", 1),
        ];
        assert_eq!(figures.candidates, candidates);
    }
}
