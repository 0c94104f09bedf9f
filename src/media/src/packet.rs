//! Sound between the connection and the codec.

use bytes::Bytes;

/// A piece of coded sound (RFC 7587).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundPacket {
    /// Counts packets, from anywhere on, and begins again after 65,535.
    pub sequence: u16,
    /// When it begins, in samples of 48 kHz, from anywhere on.
    pub timestamp: u32,
    /// What the codec made.
    pub payload: Bytes,
}
