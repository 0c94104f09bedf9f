//! Values that nobody else in this process has. Each test has its own server, so that is enough.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that was not given out before.
pub fn number() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A phone number of its own, E.164.
pub fn phone() -> String {
    format!("+7900{:07}", number())
}

/// 16 hex digits.
pub fn device_id() -> String {
    format!("{:016x}", 0xfeed_0000_0000_0000_u64 | number())
}

/// An id for a message.
pub fn client_id() -> Uuid {
    uuid::Builder::from_custom_bytes(u128::from(number()).to_be_bytes()).into_uuid()
}

/// A source of numbers without a pattern, the same in every run (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A source that is told apart by `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from `range`.
    pub fn roll(&mut self, range: std::ops::Range<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start + (z ^ (z >> 31)) % (range.end - range.start)
    }
}
