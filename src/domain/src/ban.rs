//! Who is kept out.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::coded::coded;
use crate::{ClientDeviceId, Phone, network_of};

coded!(
    /// What a ban is about.
    BanKind, "ban kind" {
        /// An address; an IPv6 one with its whole /64.
        Address = 1,
        /// A device, by the id its client made.
        Device = 2,
        /// A phone number.
        Phone = 3,
    }
);

/// Not the name of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of address, device, phone")]
pub struct UnknownBanKind;

impl BanKind {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Device => "device",
            Self::Phone => "phone",
        }
    }
}

impl FromStr for BanKind {
    type Err = UnknownBanKind;
    fn from_str(s: &str) -> Result<Self, UnknownBanKind> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == s);
        found.copied().ok_or(UnknownBanKind)
    }
}

/// What is banned, in the one form in which it is looked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Banned {
    kind: BanKind,
    value: String,
}

impl Banned {
    /// Everybody at this address.
    pub fn address(address: IpAddr) -> Self {
        Self {
            kind: BanKind::Address,
            value: network_of(address).to_string(),
        }
    }

    /// Whoever uses this device.
    pub fn device(device: &ClientDeviceId) -> Self {
        Self {
            kind: BanKind::Device,
            value: device.as_str().to_owned(),
        }
    }

    /// Whoever has this number.
    pub fn phone(phone: &Phone) -> Self {
        Self {
            kind: BanKind::Phone,
            value: phone.as_str().to_owned(),
        }
    }

    /// Reads a value of that kind; the error says what it must be.
    pub fn parse(kind: BanKind, text: &str) -> Result<Self, String> {
        match kind {
            BanKind::Address => text
                .trim()
                .parse()
                .map(Self::address)
                .map_err(|_| "must be an IP address".to_owned()),
            BanKind::Device => text
                .parse()
                .map(|device| Self::device(&device))
                .map_err(|error: crate::InvalidDeviceId| error.to_string()),
            BanKind::Phone => text
                .parse()
                .map(|phone| Self::phone(&phone))
                .map_err(|error: crate::InvalidPhone| error.to_string()),
        }
    }

    /// What it is about.
    pub fn kind(&self) -> BanKind {
        self.kind
    }

    /// The value; personal.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Banned({}, [REDACTED])", self.kind.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_one_form() {
        for (kind, texts) in [
            (BanKind::Address, ["203.0.113.7", " ::ffff:203.0.113.7"]),
            (BanKind::Address, ["2001:db8::1", "2001:db8:0:0:ffff::2"]),
            (BanKind::Device, ["00FF00ff00ff00ff", "00ff00ff00ff00ff"]),
            (BanKind::Phone, ["+79991234567", "89991234567"]),
        ] {
            let [one, other] = texts.map(|text| Banned::parse(kind, text).unwrap());
            assert!(one == other, "{texts:?}");
            assert_eq!(one.kind(), kind);
        }
    }

    #[test]
    fn what_is_not_of_its_kind_is_refused() {
        for kind in BanKind::ALL {
            assert!(Banned::parse(*kind, "nonsense").is_err());
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert!(Banned::parse(BanKind::Address, "203.0.113.0/24").is_err());
        assert!("ip".parse::<BanKind>().is_err());
    }

    #[test]
    fn debug_does_not_show_the_value() {
        let banned = Banned::parse(BanKind::Phone, "+79991234567").unwrap();
        assert_eq!(format!("{banned:?}"), "Banned(phone, [REDACTED])");
    }
}
