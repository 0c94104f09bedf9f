//! The number two people compare to know that nobody stands between them.
//!
//! `SHA-512("melo-safety/1\n" || smaller identity key || larger identity key)`, of which twelve groups of
//! five bytes are read as big-endian numbers and reduced modulo 100,000: sixty digits, about 199 bits. The
//! keys are put in order first, so both people see the same number.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha512};

/// How many groups of five digits.
const GROUPS: usize = 12;

/// Sixty digits; `Display` writes them as twelve groups of five.
#[derive(Clone, PartialEq, Eq)]
pub struct SafetyNumber(String);

impl SafetyNumber {
    /// The number of two identity keys, in either order.
    pub fn of(one: &[u8; 32], other: &[u8; 32]) -> Self {
        let (first, second) = if one <= other {
            (one, other)
        } else {
            (other, one)
        };
        let digest = Sha512::new()
            .chain_update(b"melo-safety/1\n")
            .chain_update(first)
            .chain_update(second)
            .finalize();
        let mut digits = String::with_capacity(GROUPS * 5);
        for group in digest.chunks_exact(5).take(GROUPS) {
            let number = group.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
            // Writing to a String cannot fail.
            let _ = write!(digits, "{:05}", number % 100_000);
        }
        Self(digits)
    }

    /// The sixty digits without spaces.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The twelve groups of five digits.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        (0..GROUPS).filter_map(|i| self.0.get(i * 5..i * 5 + 5))
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, group) in self.groups().enumerate() {
            if i > 0 {
                f.write_char(' ')?;
            }
            f.write_str(group)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafetyNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_people_see_the_same_sixty_digits() {
        let (a, b) = ([1; 32], [2; 32]);
        let number = SafetyNumber::of(&a, &b);
        assert_eq!(number, SafetyNumber::of(&b, &a));
        assert_eq!(number.digits().len(), 60);
        assert!(number.digits().bytes().all(|d| d.is_ascii_digit()));
        assert_eq!(number.groups().count(), 12);
        assert_eq!(number.to_string().len(), 71);
        assert_ne!(number, SafetyNumber::of(&a, &[3; 32]));
    }
}
