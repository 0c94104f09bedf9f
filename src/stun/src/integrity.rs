//! What proves who wrote a message, and that it is one.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::attributes::attribute;
use crate::credentials::Key;
use crate::message::{HEADER, Message};

/// Distinguishes the checksum from that of another protocol in the same packet (RFC 8489, section 14.7).
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// Whether a message was written by who holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// It does not say.
    Absent,
    /// It was.
    Good,
    /// It was not, or was changed on the way.
    Bad,
}

fn mac(key: &Key) -> Hmac<Sha1> {
    // HMAC pads its key with zeros to the block size: given as a whole block, it cannot be refused.
    let mut block = zeroize::Zeroizing::new([0_u8; 64]);
    block[..16].copy_from_slice(key.bytes());
    Hmac::new((&*block).into())
}

pub(crate) fn tag(key: &Key, parts: &[&[u8]]) -> [u8; 20] {
    let mut mac = mac(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub(crate) fn fingerprint(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes) ^ FINGERPRINT_MASK
}

pub(crate) fn set_length(bytes: &mut [u8], length: usize) {
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    bytes[2..4].copy_from_slice(&length);
}

impl Message<'_> {
    /// Checks MESSAGE-INTEGRITY (RFC 8489, section 14.5): HMAC-SHA1 over everything before it, with a length that
    /// ends behind it. In constant time.
    pub fn integrity(&self, key: &Key) -> Integrity {
        let found = self
            .attributes()
            .find(|found| found.kind == attribute::MESSAGE_INTEGRITY);
        let Some(found) = found else {
            return Integrity::Absent;
        };
        let Ok(claimed) = <[u8; 20]>::try_from(found.value) else {
            return Integrity::Bad;
        };
        let length = u16::try_from(found.at + 24 - HEADER).unwrap_or(u16::MAX);
        let mut mac = mac(key);
        mac.update(&self.bytes[..2]);
        mac.update(&length.to_be_bytes());
        mac.update(&self.bytes[4..found.at]);
        match mac.verify_slice(&claimed) {
            Ok(()) => Integrity::Good,
            Err(_) => Integrity::Bad,
        }
    }

    /// Whether it says that somebody signed it.
    pub fn is_signed(&self) -> bool {
        self.get(attribute::MESSAGE_INTEGRITY).is_some()
    }

    /// Checks FINGERPRINT (RFC 8489, section 14.7), which stands last. `None`: there is none.
    pub fn fingerprint(&self) -> Option<bool> {
        let found = self
            .attributes()
            .find(|found| found.kind == attribute::FINGERPRINT)?;
        let claimed = <[u8; 4]>::try_from(found.value).map(u32::from_be_bytes);
        let last = found.at + 8 == self.bytes.len();
        let right = fingerprint(&self.bytes[..found.at]);
        Some(last && claimed.is_ok_and(|claimed| claimed == right))
    }
}
