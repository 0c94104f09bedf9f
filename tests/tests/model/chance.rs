//! Chance that can be repeated: `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).

use std::hash::{BuildHasher as _, Hasher as _};

/// A source of numbers that a seed decides.
pub struct Chance(u64);

/// A seed that was not used before.
pub fn any_seed() -> u64 {
    // The standard library seeds its maps from the system's random numbers.
    std::hash::RandomState::new().build_hasher().finish()
}

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
