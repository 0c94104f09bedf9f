//! How many frames a person may send: the generic cell rate algorithm (ITU-T I.371, annex A) in one atomic
//! number, shared by all connections of the person on this node.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many in such a time, any burst up to that many at once. A count of 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Frames.
    pub count: u32,
    /// In this time.
    pub per: Duration,
}

/// What is left of a [`Rate`].
#[derive(Debug, Default)]
pub struct Budget {
    /// Microseconds, on the caller's clock, at which the budget is whole again.
    whole_at: AtomicU64,
}

impl Budget {
    /// Takes one. `now` is any monotonic time since a fixed start. `Err` is the time until the next one.
    pub fn take(&self, rate: Rate, now: Duration) -> Result<(), Duration> {
        if rate.count == 0 {
            return Ok(());
        }
        let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        let (now, window) = (micros(now), micros(rate.per));
        let cost = window / u64::from(rate.count);
        let mut current = self.whole_at.load(Ordering::Relaxed);
        loop {
            let next = current.max(now).saturating_add(cost);
            if next > now.saturating_add(window) {
                return Err(Duration::from_micros(next - now - window));
            }
            match self.whole_at.compare_exchange_weak(
                current,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(seen) => current = seen,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        count: 3,
        per: Duration::from_secs(60),
    };

    #[test]
    fn zero_is_no_limit() {
        let (budget, none) = (Budget::default(), Rate { count: 0, ..RATE });
        assert!((0..1000).all(|_| budget.take(none, Duration::ZERO).is_ok()));
    }

    #[test]
    fn a_burst_then_a_steady_rate() {
        let budget = Budget::default();
        let start = Duration::from_secs(1000);
        for _ in 0..3 {
            assert_eq!(budget.take(RATE, start), Ok(()));
        }
        assert_eq!(budget.take(RATE, start), Err(Duration::from_secs(20)));
        assert_eq!(budget.take(RATE, start + Duration::from_secs(20)), Ok(()));
        assert!(budget.take(RATE, start + Duration::from_secs(21)).is_err());
        assert_eq!(budget.take(RATE, start + Duration::from_secs(500)), Ok(()));
    }
}
