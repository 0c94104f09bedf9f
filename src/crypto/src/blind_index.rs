//! Looking up sealed values without opening them.

use std::fmt;
use std::hash::{Hash, Hasher};

use subtle::ConstantTimeEq;

const LENGTH: usize = 4 + 32;

/// The look-up form of a sealed value: `key id (u32, big endian) | HMAC-SHA-256`. The same value in the
/// same column under the same index key always gives the same bytes; without the key they tell nothing,
/// not even to somebody who tries every phone number.
#[derive(Clone, Copy, Eq)]
pub struct BlindIndex([u8; LENGTH]);

/// Not a blind index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a blind index has 36 bytes, not {0}")]
pub struct InvalidBlindIndex(usize);

impl BlindIndex {
    pub(crate) fn new(key_id: u32, mac: [u8; 32]) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&key_id.to_be_bytes());
        bytes[4..].copy_from_slice(&mac);
        Self(bytes)
    }

    /// Reads one back from the database.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidBlindIndex> {
        let read = bytes.try_into().map(Self);
        read.map_err(|_| InvalidBlindIndex(bytes.len()))
    }

    /// What the database keeps and looks for: 36 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The index key it was made under.
    pub fn key_id(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

impl PartialEq for BlindIndex {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Hash for BlindIndex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for BlindIndex {
    /// Without the bytes: in a log they would tie entries about one person together.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlindIndex(key {})", self.key_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_other_lengths_are_refused() {
        let index = BlindIndex::new(0x0102_0304, [5; 32]);
        assert_eq!(index.as_bytes()[..5], [1, 2, 3, 4, 5]);
        assert_eq!(index.key_id(), 0x0102_0304);
        assert_eq!(BlindIndex::from_bytes(index.as_bytes()), Ok(index));
        assert_eq!(BlindIndex::from_bytes(&[0; 35]), Err(InvalidBlindIndex(35)));
        assert_ne!(index, BlindIndex::new(0x0102_0305, [5; 32]));
    }

    #[test]
    fn debug_does_not_show_the_bytes() {
        assert_eq!(
            format!("{:?}", BlindIndex::new(3, [0xab; 32])),
            "BlindIndex(key 3)"
        );
    }
}
