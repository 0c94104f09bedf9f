//! The arithmetic of a limit: a sliding window made of two counters.
//!
//! The calls of the running window count whole, those of the one before it by the part of it that the sliding
//! window still covers: `current + previous × (1 − elapsed ÷ length)`. Two numbers for each name, however high
//! the limit, and no burst of twice the limit where two windows meet. After "How we built rate limiting capable
//! of scaling to millions of domains" (blog.cloudflare.com, 2017); docs/adr/0016 says why.

use std::time::Duration;

use melo_domain::Timestamp;

/// So many in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many; at least one.
    pub count: u64,
    /// Length of the window.
    pub per: Duration,
    /// Whoever asks for more is refused for this long at least. Zero: only until there is room again.
    pub block: Duration,
}

/// What came of asking for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// How many there are in a window.
    pub limit: u64,
    /// How many more there are at this moment.
    pub remaining: u64,
    /// Until the running window ends; when refused, until it is worth asking again.
    pub reset: Duration,
    /// Whether it was refused. A refusal costs nothing.
    pub refused: bool,
}

/// The two counters of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    started: Timestamp,
    previous: u64,
    current: u64,
    blocked_until: Timestamp,
}

impl Window {
    /// Begins with its first call.
    pub fn starting(now: Timestamp) -> Self {
        Self {
            started: now,
            previous: 0,
            current: 0,
            blocked_until: now,
        }
    }

    /// Takes one, if there is one.
    pub fn spend(&mut self, quota: &Quota, now: Timestamp) -> Spent {
        let length = quota.per.max(Duration::from_millis(1));
        self.roll(length, now);
        let blocked = self.blocked_until.since(now);
        let room = self.room(quota.count, length, now);
        if blocked.is_zero() && room >= length.as_millis() {
            self.current += 1;
            let left = (room - length.as_millis()) / length.as_millis();
            return Spent {
                limit: quota.count,
                remaining: u64::try_from(left).unwrap_or(u64::MAX),
                reset: length.saturating_sub(now.since(self.started)),
                refused: false,
            };
        }
        if blocked.is_zero() {
            self.blocked_until = now.plus(quota.block);
        }
        let until_room = self.until_room(quota.count, length, now);
        Spent {
            limit: quota.count,
            remaining: 0,
            reset: until_room.max(self.blocked_until.since(now)),
            refused: true,
        }
    }

    /// When nothing of it counts any more.
    pub fn expires(&self, quota: &Quota) -> Timestamp {
        let counted = self.started.plus(quota.per.saturating_mul(2));
        counted.max(self.blocked_until)
    }

    /// Makes the window that `now` lies in the running one.
    fn roll(&mut self, length: Duration, now: Timestamp) {
        let elapsed = now.since(self.started);
        if elapsed < length {
            return;
        }
        if elapsed < length.saturating_mul(2) {
            self.previous = self.current;
            self.started = self.started.plus(length);
        } else {
            self.previous = 0;
            self.started = now;
        }
        self.current = 0;
    }

    /// What is left, in calls times milliseconds of the window: whole numbers, and nothing is rounded.
    fn room(&self, count: u64, length: Duration, now: Timestamp) -> u128 {
        let (length, elapsed) = (length.as_millis(), now.since(self.started).as_millis());
        let covered = length.saturating_sub(elapsed);
        let left = u128::from(count.saturating_sub(self.current)).saturating_mul(length);
        left.saturating_sub(u128::from(self.previous).saturating_mul(covered))
    }

    /// How long until one call fits, if nobody takes one meanwhile.
    fn until_room(&self, count: u64, length: Duration, now: Timestamp) -> Duration {
        let whole = length.as_millis();
        let elapsed = now.since(self.started).as_millis();
        // The moment of a window at which `before` calls of the one before it leave room for one beside `own`.
        let moment = |before: u64, own: u64| {
            let free = u128::from(count.saturating_sub(own).saturating_sub(1));
            let covered = free
                .saturating_mul(whole)
                .checked_div(u128::from(before))
                .unwrap_or(whole);
            whole.saturating_sub(covered)
        };
        let millis = if self.current < count {
            moment(self.previous, self.current).saturating_sub(elapsed)
        } else {
            whole.saturating_sub(elapsed) + moment(self.current, 0)
        };
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        count: 10,
        per: Duration::from_secs(60),
        block: Duration::ZERO,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + seconds * 1000)
    }

    fn taken(window: &mut Window, quota: &Quota, now: Timestamp, tries: usize) -> usize {
        (0..tries)
            .filter(|_| !window.spend(quota, now).refused)
            .count()
    }

    #[test]
    fn the_limit_is_counted_down_and_kept() {
        let mut window = Window::starting(at(0));
        for left in (0..10).rev() {
            let spent = window.spend(&QUOTA, at(0));
            assert_eq!((spent.limit, spent.remaining), (10, left));
            assert_eq!(spent.reset, Duration::from_secs(60));
            assert!(!spent.refused);
        }
        let spent = window.spend(&QUOTA, at(30));
        assert!(spent.refused && spent.remaining == 0);
        // Ten of the window before leave room for one after a tenth of the next.
        assert_eq!(spent.reset, Duration::from_secs(36));
        assert!(window.spend(&QUOTA, at(65)).refused);
        assert!(!window.spend(&QUOTA, at(66)).refused);
    }

    #[test]
    fn there_is_no_double_burst_where_two_windows_meet() {
        let mut window = Window::starting(at(0));
        assert_eq!(taken(&mut window, &QUOTA, at(0), 1), 1);
        assert_eq!(taken(&mut window, &QUOTA, at(59), 100), 9);
        // A fixed window would give ten more here.
        assert_eq!(taken(&mut window, &QUOTA, at(60), 100), 0);
        assert_eq!(taken(&mut window, &QUOTA, at(66), 100), 1);
        assert_eq!(taken(&mut window, &QUOTA, at(90), 100), 4);
    }

    #[test]
    fn a_steady_rate_below_the_limit_is_never_refused() {
        let mut window = Window::starting(at(0));
        for second in (0..6000).step_by(7) {
            assert!(!window.spend(&QUOTA, at(second)).refused, "{second}");
        }
    }

    #[test]
    fn what_is_said_about_the_wait_is_true() {
        for start in 0..60 {
            let mut window = Window::starting(at(0));
            taken(&mut window, &QUOTA, at(start), 7);
            let later = at(start + 40);
            taken(&mut window, &QUOTA, later, 100);
            let refused = window.spend(&QUOTA, later);
            assert!(refused.refused && !refused.reset.is_zero());
            let almost = later.plus(refused.reset.saturating_sub(Duration::from_millis(1)));
            assert!(window.spend(&QUOTA, almost).refused, "{start}");
            assert!(!window.spend(&QUOTA, later.plus(refused.reset)).refused);
        }
    }

    #[test]
    fn after_two_quiet_windows_all_is_as_new() {
        let mut window = Window::starting(at(0));
        taken(&mut window, &QUOTA, at(0), 100);
        assert_eq!(window.expires(&QUOTA), at(120));
        assert_eq!(taken(&mut window, &QUOTA, at(120), 100), 10);
    }

    #[test]
    fn a_block_lasts_whatever_the_window_says() {
        let strict = Quota {
            block: Duration::from_secs(600),
            ..QUOTA
        };
        let mut window = Window::starting(at(0));
        assert_eq!(taken(&mut window, &strict, at(0), 100), 10);
        assert_eq!(window.expires(&strict), at(600));
        let refused = window.spend(&strict, at(300));
        assert_eq!(refused.reset, Duration::from_secs(300), "not made longer");
        assert!(!window.spend(&strict, at(600)).refused);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let mut window = Window::starting(at(100));
        assert_eq!(taken(&mut window, &QUOTA, at(100), 100), 10);
        assert_eq!(taken(&mut window, &QUOTA, at(0), 100), 0);
    }
}
