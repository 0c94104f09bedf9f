//! Who is kept out.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::coded::coded;
use crate::{ClientDeviceId, Network, Phone};

coded!(
    /// What a ban is about.
    BanKind, "ban kind" {
        /// An address, an IPv6 one with its whole /64, or a range of addresses.
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
pub enum Banned {
    /// Everybody at these addresses.
    Address(Network),
    /// Whoever uses this device.
    Device(ClientDeviceId),
    /// Whoever has this number.
    Phone(Phone),
}

impl Banned {
    /// Everybody in the same place as this address.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(Network::of(address))
    }

    /// Reads a value of that kind; the error says what it must be.
    pub fn parse(kind: BanKind, text: &str) -> Result<Self, String> {
        fn read<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
            text.parse().map_err(|error: T::Err| error.to_string())
        }
        match kind {
            BanKind::Address => read(text).map(Self::Address),
            BanKind::Device => read(text).map(Self::Device),
            BanKind::Phone => read(text).map(Self::Phone),
        }
    }

    /// What it is about.
    pub fn kind(&self) -> BanKind {
        match self {
            Self::Address(_) => BanKind::Address,
            Self::Device(_) => BanKind::Device,
            Self::Phone(_) => BanKind::Phone,
        }
    }

    /// The value; personal.
    pub fn value(&self) -> String {
        match self {
            Self::Address(network) => network.to_string(),
            Self::Device(device) => device.as_str().to_owned(),
            Self::Phone(phone) => phone.as_str().to_owned(),
        }
    }
}

impl fmt::Debug for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Banned({}, [REDACTED])", self.kind().as_str())
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
            (BanKind::Address, ["203.0.113.0/24", "203.0.113.99/24"]),
            (BanKind::Address, ["203.0.113.7/32", "203.0.113.7"]),
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
        assert!(Banned::parse(BanKind::Address, "0.0.0.0/0").is_err());
        assert!("ip".parse::<BanKind>().is_err());
    }

    #[test]
    fn debug_does_not_show_the_value() {
        let banned = Banned::parse(BanKind::Phone, "+79991234567").unwrap();
        assert_eq!(format!("{banned:?}"), "Banned(phone, [REDACTED])");
    }
}
