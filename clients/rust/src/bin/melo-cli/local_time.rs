//! Times as the person at the terminal reads clocks.

use std::sync::OnceLock;

use melo_domain::Timestamp;
use time::{OffsetDateTime, UtcOffset};

static OFFSET: OnceLock<UtcOffset> = OnceLock::new();

/// Reads the time zone; to be called before the first thread is made.
pub fn remember_offset() {
    let _ = OFFSET.set(UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC));
}

fn local(at: Timestamp) -> Option<OffsetDateTime> {
    let offset = OFFSET.get().copied().unwrap_or(UtcOffset::UTC);
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()?
        .checked_to_offset(offset)
}

/// `2026-11-20`.
pub fn date(at: Timestamp) -> String {
    local(at).map_or_else(String::new, |t| {
        format!("{:04}-{:02}-{:02}", t.year(), u8::from(t.month()), t.day())
    })
}

/// `08:15`.
pub fn clock(at: Timestamp) -> String {
    local(at).map_or_else(String::new, |t| {
        format!("{:02}:{:02}", t.hour(), t.minute())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times() {
        let at = Timestamp::from_millis(1_795_162_530_123);
        assert_eq!(
            (date(at).as_str(), clock(at).as_str()),
            ("2026-11-20", "08:15")
        );
    }
}
