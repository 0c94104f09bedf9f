//! Where one message ends and the next begins on a stream (RFC 8656, section 3.5; RFC 8489, section 6.2.2).

use crate::message::{HEADER, Malformed};

/// The longest frame: a channel's header, the most that its length can say, padding.
pub const MAX_FRAME: usize = 4 + 65_536;

/// A frame at the beginning of what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes that belong to the message.
    pub length: usize,
    /// Bytes until the next one begins.
    pub padded: usize,
}

/// The frame that begins here; `None` until enough of it has come to tell.
pub fn frame_length(bytes: &[u8]) -> Result<Option<Frame>, Malformed> {
    let [first, _, l0, l1, ..] = *bytes else {
        return match bytes.first() {
            Some(first) if first & 0x80 != 0 => Err(Malformed),
            _ => Ok(None),
        };
    };
    let said = usize::from(u16::from_be_bytes([l0, l1]));
    match first & 0xc0 {
        0x00 if said % 4 == 0 => Ok(Some(Frame {
            length: HEADER + said,
            padded: HEADER + said,
        })),
        0x40 => Ok(Some(Frame {
            length: 4 + said,
            padded: 4 + said.next_multiple_of(4),
        })),
        _ => Err(Malformed),
    }
}
