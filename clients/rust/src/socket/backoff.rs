//! How long to wait before connecting again: exponential, with full jitter, so that clients of a server that
//! was restarted do not all come back at once.

use std::time::Duration;

use crate::crypto::random;

/// The first wait is up to this long.
const FIRST: Duration = Duration::from_millis(500);
/// No wait is longer than this.
const LONGEST: Duration = Duration::from_secs(30);

/// The waits between attempts.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: between half and all of a limit that doubles each time.
    pub fn next_wait(&mut self) -> Duration {
        let limit = FIRST
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = limit / 2;
        half + jitter(half)
    }

    /// Starts over, after a connection that worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A random part of `limit`.
pub(crate) fn jitter(limit: Duration) -> Duration {
    Duration::from_millis(random::below(
        u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_start_over() {
        let mut backoff = Backoff::default();
        for limit in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
            let wait = backoff.next_wait().as_millis();
            assert!((limit / 2..=limit).contains(&wait), "{wait} of {limit}");
        }
        for _ in 0..100 {
            assert!(backoff.next_wait() <= LONGEST);
        }
        backoff.reset();
        assert!(backoff.next_wait() <= FIRST);
    }
}
