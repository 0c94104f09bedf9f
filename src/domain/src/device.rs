//! What a client says about the device it runs on.

use std::fmt;
use std::str::FromStr;

/// The id a client made for its installation: 16 hex digits, kept in lower case. Personal; other
/// people only ever see the [`DeviceHandle`](crate::DeviceHandle).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientDeviceId(String);

/// Not a device id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 hex digits")]
pub struct InvalidDeviceId;

impl ClientDeviceId {
    /// The 16 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientDeviceId {
    type Err = InvalidDeviceId;
    fn from_str(s: &str) -> Result<Self, InvalidDeviceId> {
        if s.len() == 16 && s.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(s.to_ascii_lowercase()))
        } else {
            Err(InvalidDeviceId)
        }
    }
}

impl fmt::Debug for ClientDeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientDeviceId([REDACTED])")
    }
}

/// The kinds of device that session lists tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceType {
    /// A desktop or laptop program.
    Pc,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A browser.
    Web,
    /// Nothing recognisable.
    Unknown,
}

impl DeviceType {
    /// The word the contract uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pc => "pc",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Web => "web",
            Self::Unknown => "unknown",
        }
    }

    /// A guess from the User-Agent header, good enough for a person to recognise their own list.
    pub fn from_user_agent(agent: &str) -> Self {
        let agent = agent.to_ascii_lowercase();
        let has = |word: &str| agent.contains(word);
        if has("ipad") || has("tablet") || (has("android") && has("mozilla") && !has("mobile")) {
            Self::Tablet
        } else if has("iphone") || has("android") || has("mobile") || has("dart") || has("flutter")
        {
            Self::Phone
        } else if has("mozilla") {
            Self::Web
        } else if has("melo-cli") || has("windows") || has("linux") || has("macos") {
            Self::Pc
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_are_16_hex_digits_of_either_case() {
        let id: Result<ClientDeviceId, _> = "00AAbbCC11223344".parse();
        assert_eq!(
            id.map(|d| d.as_str().to_owned()),
            Ok("00aabbcc11223344".to_owned())
        );
        for bad in ["", "123", "00aabbcc1122334g", "00aabbcc112233445"] {
            assert!(bad.parse::<ClientDeviceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn user_agents() {
        let of = DeviceType::from_user_agent;
        assert_eq!(of("Dart/3.5 (dart:io)"), DeviceType::Phone);
        assert_eq!(
            of("Mozilla/5.0 (X11; Linux x86_64) Chrome/120"),
            DeviceType::Web
        );
        assert_eq!(of("Mozilla/5.0 (iPad; CPU OS 17)"), DeviceType::Tablet);
        assert_eq!(of("melo-cli/0.1.0"), DeviceType::Pc);
        assert_eq!(of(""), DeviceType::Unknown);
    }
}
