//! The arithmetic of a lockout: so many failures are free, then the door is closed for a time that doubles
//! with each further one.

use std::time::Duration;

use melo_domain::Timestamp;

/// How failures are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrikeRule {
    /// The failure that closes the door for the first time; at least 1.
    pub limit: u64,
    /// For how long it does. Fewer failures are forgotten this long after the last of them.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
    /// How long failures count after the door has opened again.
    pub memory: Duration,
}

impl StrikeRule {
    fn delay(&self, count: u64) -> Option<Duration> {
        let doublings = u32::try_from(count.checked_sub(self.limit)?).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        Some(self.first.saturating_mul(factor).min(self.longest))
    }
}

/// What came of noting a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// The door is closed for this long; nothing was noted.
    Barred(Duration),
    /// It was noted; the door has closed for this long, if it has.
    Noted(Option<Duration>),
}

/// The failures of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strikes {
    count: u64,
    barred_until: Timestamp,
}

impl Strikes {
    /// None yet.
    pub fn none(now: Timestamp) -> Self {
        Self {
            count: 0,
            barred_until: now,
        }
    }

    /// How long the door stays closed.
    pub fn barred(&self, now: Timestamp) -> Duration {
        self.barred_until.since(now)
    }

    /// Notes one, unless the door is closed; says also until when this must be remembered.
    pub fn strike(&mut self, rule: &StrikeRule, now: Timestamp) -> (Strike, Option<Timestamp>) {
        let barred = self.barred(now);
        if !barred.is_zero() {
            return (Strike::Barred(barred), None);
        }
        self.count = self.count.saturating_add(1);
        let delay = rule.delay(self.count);
        let remembered = match delay {
            None => now.plus(rule.first),
            Some(delay) => {
                self.barred_until = now.plus(delay);
                self.barred_until.plus(rule.memory)
            }
        };
        (Strike::Noted(delay), Some(remembered))
    }

    /// Takes the last one back.
    pub fn excuse(&mut self, now: Timestamp) {
        self.count = self.count.saturating_sub(1);
        self.barred_until = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const RULE: StrikeRule = StrikeRule {
        limit: 3,
        first: MINUTE,
        longest: Duration::from_secs(400),
        memory: Duration::from_secs(3600),
    };

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut now = Timestamp::from_millis(1_000_000);
        let mut strikes = Strikes::none(now);
        let mut delays = Vec::new();
        for _ in 0..70 {
            let (strike, remembered) = strikes.strike(&RULE, now);
            let Strike::Noted(delay) = strike else {
                panic!("the door was open")
            };
            let delay = delay.unwrap_or_default();
            if delay.is_zero() {
                assert_eq!(remembered, Some(now.plus(MINUTE)));
            } else {
                assert_eq!(remembered, Some(now.plus(delay).plus(RULE.memory)));
                let (again, _) = strikes.strike(&RULE, now);
                assert_eq!(again, Strike::Barred(delay), "and nothing is noted");
            }
            delays.push(delay.as_secs());
            now = now.plus(delay);
        }
        assert_eq!(delays[..7], [0, 0, 60, 120, 240, 400, 400]);
        assert!(delays[7..].iter().all(|d| *d == 400));
    }

    #[test]
    fn an_excused_one_opens_the_door_it_closed() {
        let now = Timestamp::from_millis(1_000_000);
        let mut strikes = Strikes::none(now);
        for _ in 0..3 {
            strikes.strike(&RULE, now);
        }
        assert_eq!(strikes.barred(now), MINUTE);
        strikes.excuse(now);
        assert_eq!(strikes.barred(now), Duration::ZERO);
        assert_eq!(strikes.strike(&RULE, now).0, Strike::Noted(Some(MINUTE)));
    }
}
