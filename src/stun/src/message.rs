//! A STUN message as it was received (RFC 8489, section 5).

use std::fmt;

use crate::attributes::attribute;

/// Bytes before the attributes.
pub const HEADER: usize = 20;
/// What every message of this standard has in its header, and those of older ones have not.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;
/// More attributes than any request needs; what has more is not read.
const MAX_ATTRIBUTES: usize = 64;

/// Not a message. Such bytes are passed over in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a STUN message")]
pub struct Malformed;

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// The answer to a request that was granted.
    Success,
    /// The answer to one that was not.
    Error,
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Method(pub u16);

impl Method {
    /// Where do I come from?
    pub const BINDING: Self = Self(0x001);
    /// A relayed address.
    pub const ALLOCATE: Self = Self(0x003);
    /// Keep it, or give it back.
    pub const REFRESH: Self = Self(0x004);
    /// Data for a peer.
    pub const SEND: Self = Self(0x006);
    /// Data from a peer.
    pub const DATA: Self = Self(0x007);
    /// Let peers in.
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// A short name for a peer.
    pub const CHANNEL_BIND: Self = Self(0x009);
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Method({:#05x})", self.0)
    }
}

/// Tells which answer belongs to which request.
pub type TransactionId = [u8; 12];

/// The first two bytes: the class lies between the method's bits (RFC 8489, section 5, figure 3).
pub(crate) fn message_type(class: Class, method: Method) -> u16 {
    let Method(m) = method;
    let class = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    (m & 0x000f) | ((m & 0x0070) << 1) | ((m & 0x0f80) << 2) | class
}

fn class_and_method(message_type: u16) -> (Class, Method) {
    let class = match message_type & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::Success,
        _ => Class::Error,
    };
    let t = message_type;
    let method = (t & 0x000f) | ((t & 0x00e0) >> 1) | ((t & 0x3e00) >> 2);
    (class, Method(method))
}

/// A whole message, whose attributes lie within their lengths. Borrowed: nothing is copied.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub(crate) bytes: &'a [u8],
    /// What it is for.
    pub class: Class,
    /// What is asked.
    pub method: Method,
}

impl<'a> Message<'a> {
    /// Reads a datagram, or a frame of a stream without padding behind it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = bytes.first_chunk::<HEADER>().ok_or(Malformed)?;
        let [t0, t1, l0, l1, c0, c1, c2, c3, ..] = *header;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let right = t0 & 0xc0 == 0
            && u32::from_be_bytes([c0, c1, c2, c3]) == MAGIC_COOKIE
            && length % 4 == 0
            && bytes.len() == HEADER + length;
        if !right {
            return Err(Malformed);
        }
        let (class, method) = class_and_method(u16::from_be_bytes([t0, t1]));
        let mut walk = Walk {
            bytes,
            at: HEADER,
            seen: 0,
        };
        while walk.at < bytes.len() {
            walk.step().ok_or(Malformed)?;
        }
        Ok(Self {
            bytes,
            class,
            method,
        })
    }

    /// Tells which answer belongs to it.
    pub fn id(&self) -> TransactionId {
        let mut id = [0; 12];
        id.copy_from_slice(&self.bytes[8..HEADER]);
        id
    }

    /// The attributes that count: behind MESSAGE-INTEGRITY only FINGERPRINT does (RFC 8489, section 14.5).
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes {
            walk: Walk {
                bytes: self.bytes,
                at: HEADER,
                seen: 0,
            },
            sealed: false,
        }
    }

    /// The first attribute of this type.
    pub fn get(&self, wanted: u16) -> Option<&'a [u8]> {
        self.attributes()
            .find(|found| found.kind == wanted)
            .map(|found| found.value)
    }

    /// An attribute that is text.
    pub fn text(&self, wanted: u16) -> Option<&'a str> {
        std::str::from_utf8(self.get(wanted)?).ok()
    }

    /// An attribute that is a number of 32 bits.
    pub fn number(&self, wanted: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.get(wanted)?.try_into().ok()?))
    }

    /// The code of an error answer.
    pub fn error_code(&self) -> Option<u16> {
        let [_, _, class, number, ..] = *self.get(attribute::ERROR_CODE)? else {
            return None;
        };
        let (class, number) = (u16::from(class & 0x07), u16::from(number));
        (number < 100).then_some(class * 100 + number)
    }

    /// Types that must be understood and are not among `known`.
    pub fn unknown(&self, known: &[u16]) -> Vec<u16> {
        self.attributes()
            .map(|found| found.kind)
            .filter(|kind| *kind < 0x8000 && !known.contains(kind))
            .collect()
    }
}

impl fmt::Debug for Message<'_> {
    /// Without its attributes: names and addresses of people are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("class", &self.class)
            .field("method", &self.method)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// Its type.
    pub kind: u16,
    /// Without padding.
    pub value: &'a [u8],
    /// Where its header begins.
    pub(crate) at: usize,
}

#[derive(Clone)]
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    seen: usize,
}

impl<'a> Walk<'a> {
    fn step(&mut self) -> Option<Found<'a>> {
        if self.seen == MAX_ATTRIBUTES {
            return None;
        }
        let at = self.at;
        let [k0, k1, l0, l1] = *self.bytes.get(at..)?.first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let value = self.bytes.get(at + 4..at + 4 + length)?;
        let next = at + 4 + length.next_multiple_of(4);
        if next > self.bytes.len() {
            return None;
        }
        self.at = next;
        self.seen += 1;
        let kind = u16::from_be_bytes([k0, k1]);
        Some(Found { kind, value, at })
    }
}

/// The attributes that count, in their order.
#[derive(Clone)]
pub struct Attributes<'a> {
    walk: Walk<'a>,
    sealed: bool,
}

impl<'a> Attributes<'a> {
    pub(crate) fn next_found(&mut self) -> Option<Found<'a>> {
        loop {
            let found = self.walk.step()?;
            if self.sealed && found.kind != attribute::FINGERPRINT {
                continue;
            }
            self.sealed |= found.kind == attribute::MESSAGE_INTEGRITY;
            return Some(found);
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        self.next_found()
    }
}
