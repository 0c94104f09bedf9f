//! Which addresses count as one.

use std::net::{IpAddr, Ipv6Addr};

/// The leading bits of an IPv6 address that a provider gives to one customer (RFC 6177): whoever has one
/// address has 2^64 of them.
const CUSTOMER_BITS: u32 = 64;

/// The address that stands for everybody in the same place: an IPv4 address for itself, an IPv6 address for its
/// /64. An IPv4 address that is written as an IPv6 one is an IPv4 address.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (128 - CUSTOMER_BITS);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
