//! How many bytes a second: a bucket that fills steadily (the virtual scheduling form of GCRA, ITU-T I.371), in one
//! atomic number, as it is asked for every packet.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How far ahead of the steady rate somebody may be: a key frame of a video comes at once.
const BURST: Duration = Duration::from_millis(500);

/// Time since the relay was started, for all buckets.
#[derive(Clone, Copy)]
pub(super) struct Uptime(Instant);

impl Uptime {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn nanos(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

pub(super) struct Bucket {
    bytes_per_second: Option<NonZeroU64>,
    /// When what was taken so far is paid off, in nanoseconds since the start.
    paid_at: AtomicU64,
}

impl Bucket {
    pub fn new(bytes_per_second: Option<NonZeroU64>) -> Self {
        Self {
            bytes_per_second,
            paid_at: AtomicU64::new(0),
        }
    }

    /// Takes so many bytes, if they are there.
    pub fn take(&self, bytes: usize, now: u64) -> bool {
        let Some(rate) = self.bytes_per_second else {
            return true;
        };
        let cost = (bytes as u64).saturating_mul(1_000_000_000) / rate;
        let burst = u64::try_from(BURST.as_nanos()).unwrap_or(u64::MAX);
        let taken = self
            .paid_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid_at| {
                let from = paid_at.max(now);
                (from - now <= burst).then(|| from.saturating_add(cost))
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_rate_holds_over_time_and_bursts_are_short() {
        let bucket = Bucket::new(NonZeroU64::new(100_000));
        let take = |now| (0..1000).take_while(|_| bucket.take(1000, now)).count();
        // Half a second ahead, and the packet that goes beyond it.
        assert_eq!(take(0), 51);
        assert_eq!(take(SECOND / 10), 10);
        let later: usize = (1..=100).map(|second| take(second * SECOND)).sum();
        assert!((5_000..=10_050).contains(&later), "{later}");
    }

    #[test]
    fn without_a_rate_everything_goes() {
        let bucket = Bucket::new(None);
        assert!((0..1_000_000).all(|_| bucket.take(65_536, 0)));
    }
}
