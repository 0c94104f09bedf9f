//! Which addresses count as one, and which lie in a range.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// All bits of an IPv4 address: each stands for itself.
const ADDRESS_BITS: u8 = 32;
/// The leading bits of an IPv6 address that a provider gives to one customer (RFC 6177): whoever has one
/// address has 2^64 of them.
const CUSTOMER_BITS: u8 = 64;
/// The widest ranges that are taken: a typing mistake must not mean half of the world.
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 16;
/// The leading bits of an IPv4 address that is written as an IPv6 one (RFC 4291, section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// The address that stands for everybody in the same place: an IPv4 address for itself, an IPv6 address for its
/// /64. An IPv4 address that is written as an IPv6 one is an IPv4 address.
pub fn network_of(address: IpAddr) -> IpAddr {
    Network::of(address).0.network()
}

/// A range of addresses that begin alike: from one place, which is an IPv4 address or an IPv6 /64, up to an IPv4
/// /8 or an IPv6 /16. Personal when it is one place; `Debug` is redacted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

/// Not an address or a range of the widths that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an IP address, or a range like 203.0.113.0/24 or 2001:db8::/48: from /8 on for IPv4, from /16 to /64 for IPv6"
)]
pub struct InvalidNetwork;

impl Network {
    /// Everybody in the same place as this address.
    pub fn of(address: IpAddr) -> Self {
        let place = match address.to_canonical() {
            IpAddr::V4(v4) => IpNet::V4(Ipv4Net::from(v4)),
            IpAddr::V6(v6) => {
                let mask = u128::MAX << (128 - CUSTOMER_BITS);
                let first = Ipv6Addr::from(u128::from(v6) & mask);
                IpNet::V6(Ipv6Net::new_assert(first, CUSTOMER_BITS))
            }
        };
        Self(place)
    }

    /// Whether the address lies in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether it is more than one place.
    pub fn is_range(self) -> bool {
        self.prefix() < self.narrowest()
    }

    /// Whether it is of IPv6.
    pub fn is_v6(self) -> bool {
        matches!(self.0, IpNet::V6(_))
    }

    /// How many leading bits its addresses have in common.
    pub fn prefix(self) -> u8 {
        self.0.prefix_len()
    }

    /// The range of this many leading bits around it, if that is not narrower than it is itself.
    pub fn within(self, prefix: u8) -> Option<Self> {
        let wider = prefix <= self.prefix();
        let around = IpNet::new(self.0.addr(), prefix).ok()?.trunc();
        wider.then_some(Self(around))
    }

    fn narrowest(self) -> u8 {
        if self.is_v6() {
            CUSTOMER_BITS
        } else {
            ADDRESS_BITS
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    /// An address, or one with `/` and a number of bits; what stands behind those bits is passed over.
    fn from_str(s: &str) -> Result<Self, InvalidNetwork> {
        let s = s.trim();
        if let Ok(address) = s.parse() {
            return Ok(Self::of(address));
        }
        let range: IpNet = s.parse().map_err(|_| InvalidNetwork)?;
        let range = match (range.addr().to_canonical(), range.prefix_len()) {
            (v4 @ IpAddr::V4(_), bits) if range.addr().is_ipv6() => {
                let bits = bits.checked_sub(MAPPED_BITS).ok_or(InvalidNetwork)?;
                IpNet::new(v4, bits).map_err(|_| InvalidNetwork)?
            }
            _ => range,
        };
        let widths = match range {
            IpNet::V4(_) => WIDEST_V4..=ADDRESS_BITS,
            IpNet::V6(_) => WIDEST_V6..=CUSTOMER_BITS,
        };
        if widths.contains(&range.prefix_len()) {
            Ok(Self(range.trunc()))
        } else {
            Err(InvalidNetwork)
        }
    }
}

impl fmt::Display for Network {
    /// One form for each: a place without a number of bits, `203.0.113.7`; a range with it, `203.0.113.0/24`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_range() {
            self.0.fmt(f)
        } else {
            self.0.network().fmt(f)
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network([REDACTED]/{})", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn ipv6_counts_by_its_64_and_ipv4_by_itself() {
        for (address, network) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("::1", "::"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(network_of(address).to_string(), network);
        }
    }

    #[test]
    fn a_range_has_one_form() {
        for (text, form) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/32", "203.0.113.7"),
            (" 203.0.113.7/24 ", "203.0.113.0/24"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
            ("2001:db8:1:2::9", "2001:db8:1:2::"),
            ("2001:db8:1:2::9/64", "2001:db8:1:2::"),
            ("2001:DB8:1:2::/48", "2001:db8:1::/48"),
            ("2001::/16", "2001::/16"),
        ] {
            let parsed = network(text);
            assert_eq!(parsed.to_string(), form, "{text}");
            assert_eq!(network(form), parsed, "{form}");
            assert_eq!(parsed.is_range(), form.contains('/'), "{form}");
        }
    }

    #[test]
    fn what_is_too_wide_or_finer_than_a_place_is_refused() {
        for bad in [
            "0.0.0.0/0",
            "10.0.0.0/7",
            "203.0.113.0/33",
            "::/0",
            "2001::/15",
            "2001:db8::1/65",
            "2001:db8::1/128",
            "::ffff:203.0.113.7/95",
            "::ffff:203.0.113.7/103",
            "203.0.113.0/",
            "203.0.113/24",
            "203.0.113.0-203.0.113.9",
            "everybody",
            "",
        ] {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
    }

    #[test]
    fn addresses_lie_in_their_range_and_in_no_other() {
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let office = network("203.0.113.0/24");
        for (address, inside) in [
            ("203.0.113.0", true),
            ("203.0.113.255", true),
            ("::ffff:203.0.113.9", true),
            ("203.0.114.0", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(office.contains(at(address)), inside, "{address}");
        }
        let home = network("2001:db8:1::/48");
        assert!(home.contains(at("2001:db8:1:ffff::1")));
        assert!(!home.contains(at("2001:db8:2::1")));
        assert!(!home.contains(at("203.0.113.9")));
    }

    #[test]
    fn a_place_is_found_by_the_ranges_around_it() {
        let place = Network::of("203.0.113.7".parse().unwrap());
        assert_eq!(place.within(24), Some(network("203.0.113.0/24")));
        assert_eq!(place.within(32), Some(place));
        assert_eq!(place.within(33), None);
        assert_eq!(network("203.0.113.0/24").within(25), None);
        let place = Network::of("2001:db8:1:2::9".parse().unwrap());
        assert_eq!(place.within(48), Some(network("2001:db8:1::/48")));
        assert_eq!(place.within(65), None);
    }

    #[test]
    fn debug_does_not_show_the_address() {
        let shown = format!("{:?}", network("203.0.113.0/24"));
        assert_eq!(shown, "Network([REDACTED]/24)");
    }
}
