//! Data under a channel's number: four bytes of header (RFC 8656, section 12.4).

use std::ops::RangeInclusive;

/// The numbers that channels may have. RFC 8656, section 12, has kept 0x4000 to 0x4FFF of them; clients of RFC 5766,
/// section 11, coturn's among them, go on using the rest, and nothing else begins with these two bits here.
pub const CHANNELS: RangeInclusive<u16> = 0x4000..=0x7FFF;

/// What was sent on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The channel's number.
    pub channel: u16,
    /// What was sent.
    pub payload: &'a [u8],
}

impl<'a> ChannelData<'a> {
    /// Bytes before the payload.
    pub const HEADER: usize = 4;

    /// Reads a datagram, which may have padding behind the payload.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let [c0, c1, l0, l1, rest @ ..] = bytes else {
            return None;
        };
        let channel = u16::from_be_bytes([*c0, *c1]);
        let payload = rest.get(..u16::from_be_bytes([*l0, *l1]).into())?;
        CHANNELS
            .contains(&channel)
            .then_some(Self { channel, payload })
    }

    /// The header for a payload of this length.
    pub fn header(channel: u16, length: u16) -> [u8; 4] {
        let [c0, c1] = channel.to_be_bytes();
        let [l0, l1] = length.to_be_bytes();
        [c0, c1, l0, l1]
    }
}
