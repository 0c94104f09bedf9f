//! Identifiers. All of them are numbers inside and strings on the wire, so that no client's JSON
//! number type can damage one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Position of an event within its log: 1 is the first, there are no gaps. 0 means "nothing yet".
pub type Seq = u64;

/// A string that is not an id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}")]
pub struct InvalidId {
    /// The form that would have been accepted.
    pub expected: &'static str,
}

/// Public user id: eight digits, the first not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(u32);

impl Uid {
    const FIRST: u32 = 10_000_000;
    const LAST: u32 = 99_999_999;
    const EXPECTED: InvalidId = InvalidId {
        expected: "a user id of eight digits, like 10000001",
    };

    /// Maps any random number evenly enough onto the 90 million ids.
    pub fn from_random(random: u64) -> Self {
        let span = u64::from(Self::LAST - Self::FIRST) + 1;
        let offset = u32::try_from(random % span).unwrap_or(0);
        Self(Self::FIRST + offset)
    }

    /// The id as the database keeps it.
    pub fn to_i64(self) -> i64 {
        i64::from(self.0)
    }

    /// Reads an id back from the database.
    pub fn from_i64(value: i64) -> Result<Self, InvalidId> {
        u32::try_from(value)
            .ok()
            .filter(|v| (Self::FIRST..=Self::LAST).contains(v))
            .map(Self)
            .ok_or(Self::EXPECTED)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

impl FromStr for Uid {
    type Err = InvalidId;
    fn from_str(s: &str) -> Result<Self, InvalidId> {
        if s.len() != 8 || !s.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Self::EXPECTED);
        }
        Self::from_i64(s.parse().map_err(|_| Self::EXPECTED)?)
    }
}

/// Id of an event log: a conversation, or a person's private notices. Random, 1 to 2^53 - 1, so that it
/// is exact in every client's number type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(i64);

impl LogId {
    const LAST: i64 = (1 << 53) - 1;
    const EXPECTED: InvalidId = InvalidId {
        expected: "a log id: a number from 1 to 9007199254740991 in a string",
    };

    /// Maps any random number onto the id space.
    pub fn from_random(random: u64) -> Self {
        let low = i64::try_from(random & ((1 << 53) - 1)).unwrap_or(1);
        Self(low.max(1))
    }

    /// The id as the database keeps it.
    pub fn to_i64(self) -> i64 {
        self.0
    }

    /// Reads an id back from the database.
    pub fn from_i64(value: i64) -> Result<Self, InvalidId> {
        if (1..=Self::LAST).contains(&value) {
            Ok(Self(value))
        } else {
            Err(Self::EXPECTED)
        }
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for LogId {
    type Err = InvalidId;
    fn from_str(s: &str) -> Result<Self, InvalidId> {
        if s.is_empty() || s.len() > 16 || !s.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Self::EXPECTED);
        }
        Self::from_i64(s.parse().map_err(|_| Self::EXPECTED)?)
    }
}

/// A group or channel, by the id of its log. On the wire it is a JSON integer, as existing clients have it; a string
/// of digits is read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatId(pub LogId);

impl ChatId {
    const EXPECTED: &'static str = "a chat id: an integer from 1 to 9007199254740991";
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ChatId {
    type Err = InvalidId;
    fn from_str(s: &str) -> Result<Self, InvalidId> {
        s.parse().map(Self).map_err(|_| InvalidId {
            expected: Self::EXPECTED,
        })
    }
}

impl Serialize for ChatId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.0)
    }
}

impl<'de> Deserialize<'de> for ChatId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChatIdVisitor;
        impl serde::de::Visitor<'_> for ChatIdVisitor {
            type Value = ChatId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ChatId::EXPECTED)
            }
            fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<ChatId, E> {
                let id = i64::try_from(v).map_err(|_| E::custom(ChatId::EXPECTED))?;
                self.visit_i64(id)
            }
            fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<ChatId, E> {
                let id = LogId::from_i64(v).map_err(|_| E::custom(ChatId::EXPECTED))?;
                Ok(ChatId(id))
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<ChatId, E> {
                v.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(ChatIdVisitor)
    }
}

/// Public name of a device: 16 lower-case hex digits chosen by the server. It is not the `device_id`
/// that the client made for itself, which stays between that client and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceHandle(i64);

/// Id of a signed-in session, the `sid` of its access tokens. Same form as [`DeviceHandle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(i64);

/// Id of a message that is to be sent later. Same form as [`DeviceHandle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleId(i64);

macro_rules! hex_id {
    ($name:ident, $expected:literal) => {
        impl $name {
            const EXPECTED: InvalidId = InvalidId {
                expected: $expected,
            };

            /// Maps any random number onto the id space, 1 to 2^63 - 1.
            pub fn from_random(random: u64) -> Self {
                Self(i64::try_from(random >> 1).unwrap_or(1).max(1))
            }

            /// The id as the database keeps it.
            pub fn to_i64(self) -> i64 {
                self.0
            }

            /// Reads an id back from the database.
            pub fn from_i64(value: i64) -> Result<Self, InvalidId> {
                if value > 0 {
                    Ok(Self(value))
                } else {
                    Err(Self::EXPECTED)
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(s: &str) -> Result<Self, InvalidId> {
                let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                if s.len() != 16 || !s.bytes().all(lower_hex) {
                    return Err(Self::EXPECTED);
                }
                Self::from_i64(i64::from_str_radix(s, 16).map_err(|_| Self::EXPECTED)?)
            }
        }
    };
}

hex_id!(DeviceHandle, "a device name of 16 lower-case hex digits");
hex_id!(SessionId, "a session id of 16 lower-case hex digits");
hex_id!(ScheduleId, "a schedule id of 16 lower-case hex digits");

/// Name of one event on the wire: a `UUIDv8` (RFC 9562, section 5.8) that carries the log (56 bits) and
/// the sequence number (48 bits). Made from what the recipient knows anyway, so it reveals nothing new,
/// needs no index of its own, and an acknowledgement by message id finds its row at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// The log the event belongs to.
    pub log: LogId,
    /// Its position there.
    pub seq: Seq,
}

impl MessageId {
    const EXPECTED: InvalidId = InvalidId {
        expected: "a message id as the server gave it",
    };
    const SEQ_BITS: u32 = 48;

    fn to_uuid(self) -> Uuid {
        // 48 bits before the version nibble, 12 after it, 44 of the 62 after the variant bits.
        let log = u128::from(self.log.to_i64().unsigned_abs());
        let seq = u128::from(self.seq & ((1 << Self::SEQ_BITS) - 1));
        let packed = (log << Self::SEQ_BITS) | seq; // 104 bits
        let high = packed >> 56; // 48
        let middle = (packed >> 44) & 0xfff; // 12
        let low = packed & ((1 << 44) - 1); // 44
        Uuid::from_u128((high << 80) | (0x8 << 76) | (middle << 64) | (0b10 << 62) | low)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_uuid(), f)
    }
}

impl FromStr for MessageId {
    type Err = InvalidId;
    fn from_str(s: &str) -> Result<Self, InvalidId> {
        if s.len() != 36 {
            return Err(Self::EXPECTED);
        }
        let raw = Uuid::try_parse(s).map_err(|_| Self::EXPECTED)?.as_u128();
        let packed = ((raw >> 80) << 56) | (((raw >> 64) & 0xfff) << 44) | (raw & ((1 << 44) - 1));
        let log = i64::try_from(packed >> Self::SEQ_BITS).map_err(|_| Self::EXPECTED)?;
        let seq =
            u64::try_from(packed & ((1 << Self::SEQ_BITS) - 1)).map_err(|_| Self::EXPECTED)?;
        let id = Self {
            log: LogId::from_i64(log).map_err(|_| Self::EXPECTED)?,
            seq,
        };
        // The version, the variant and the unused bits have one value only.
        if seq == 0 || id.to_uuid().as_u128() != raw {
            return Err(Self::EXPECTED);
        }
        Ok(id)
    }
}

macro_rules! string_serde {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
string_serde!(Uid, LogId, DeviceHandle, SessionId, ScheduleId, MessageId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_is_eight_digits_not_starting_with_zero() {
        assert_eq!(
            "10000001".parse::<Uid>().map(|u| u.to_string()),
            Ok("10000001".into())
        );
        for bad in [
            "",
            "1234567",
            "01234567",
            "123456789",
            "1234567a",
            "+1234567",
            "１２３４５６７８",
        ] {
            assert!(bad.parse::<Uid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn random_ids_stay_in_range() {
        for random in [0, 1, u64::MAX, u64::MAX / 2, 1 << 53, (1 << 53) - 1] {
            assert!(Uid::from_i64(Uid::from_random(random).to_i64()).is_ok());
            assert!(LogId::from_i64(LogId::from_random(random).to_i64()).is_ok());
            assert!(DeviceHandle::from_i64(DeviceHandle::from_random(random).to_i64()).is_ok());
        }
    }

    #[test]
    fn message_id_round_trips_and_is_a_version_8_uuid() {
        for (log, seq) in [(1, 1), (LogId::LAST, (1 << 48) - 1), (123_456_789, 42)] {
            let Ok(log) = LogId::from_i64(log) else {
                unreachable!()
            };
            let id = MessageId { log, seq };
            let text = id.to_string();
            assert_eq!(text.parse::<MessageId>(), Ok(id));
            let uuid: Uuid = text.parse().unwrap_or_default();
            assert_eq!(uuid.get_version_num(), 8);
        }
    }

    #[test]
    fn foreign_uuids_are_not_message_ids() {
        for bad in [
            "",
            "srv_12",
            "00000000-0000-0000-0000-000000000000",
            "936da01f-9abd-4d9d-80c7-02af85c822a8",
            "ffffffff-ffff-8fff-bfff-ffffffffffff",
        ] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hex_ids_accept_only_the_canonical_form() {
        let device = DeviceHandle::from_random(u64::MAX);
        assert_eq!(device.to_string().parse(), Ok(device));
        for bad in [
            "",
            "0",
            "0000000000000000",
            "FFFFFFFFFFFFFFFF",
            "ffffffffffffffff",
            "+00000000000000f",
        ] {
            assert!(bad.parse::<DeviceHandle>().is_err(), "{bad}");
        }
    }
}
