//! Whom the relay talks to. A relay that reaches everything is a door into the operator's network.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use parking_lot::RwLock;

/// IPv4 networks that are not somebody on the internet (RFC 6890 and its registry).
const CLOSED_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carriers' translators
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, and the clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// IPv6 networks within the global unicast space that are closed; everything outside of it is closed anyway.
const CLOSED_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo among them
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an IPv4 address lies within
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Global unicast (RFC 4291, section 2.4, and what is assigned of it). Outside lie loopback, mapped and translated
/// IPv4 (64:ff9b::/96), unique local, link-local and multicast addresses.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Whether an address is somebody's on the internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => !CLOSED_V4
            .iter()
            .any(|(net, bits)| Ipv4Net::new_assert(*net, *bits).contains(&v4)),
        IpAddr::V6(v6) => {
            let within =
                |(net, bits): &(Ipv6Addr, u8)| Ipv6Net::new_assert(*net, *bits).contains(&v6);
            within(&GLOBAL_V6) && !CLOSED_V6.iter().any(within)
        }
    }
}

/// What becomes of a packet for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Sent out.
    Outside,
    /// One of the relay's own addresses: handed over to the allocation there, if there is one, and to nothing else
    /// of this machine.
    Relay,
    /// Refused.
    Forbidden,
}

/// Who may be reached.
pub struct Peers {
    allowed: Vec<IpNet>,
    relays: Vec<IpAddr>,
    /// Addresses of this machine's interfaces. They change.
    own: RwLock<HashSet<IpAddr>>,
}

impl Peers {
    /// The internet, these closed networks, and these addresses of the relay.
    pub fn new(allowed: Vec<IpNet>, relays: Vec<IpAddr>) -> Self {
        Self {
            allowed,
            relays,
            own: RwLock::default(),
        }
    }

    /// Looks at the interfaces again.
    pub fn set_own(&self, addresses: HashSet<IpAddr>) {
        *self.own.write() = addresses;
    }

    /// What becomes of a packet for that address.
    pub fn reach(&self, peer: IpAddr) -> Reach {
        // An IPv4 address in IPv6 clothes would be judged as what it is not.
        let plain = peer.to_canonical();
        let nobody = plain.is_unspecified() || plain.is_multicast();
        if plain != peer || nobody || plain == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Reach::Forbidden;
        }
        if self.relays.contains(&plain) {
            return Reach::Relay;
        }
        if self.is_allowed(plain) {
            return Reach::Outside;
        }
        if is_public(plain) && !self.own.read().contains(&plain) {
            Reach::Outside
        } else {
            Reach::Forbidden
        }
    }

    /// Whether the operator has named its network.
    pub fn is_allowed(&self, peer: IpAddr) -> bool {
        self.allowed.iter().any(|net| net.contains(&peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn peers(allowed: &[&str]) -> Peers {
        let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
        let peers = Peers::new(allowed, vec![ip("93.184.216.1")]);
        peers.set_own(HashSet::from([
            ip("93.184.216.1"),
            ip("93.184.216.2"),
            ip("2600::9"),
        ]));
        peers
    }

    #[test]
    fn only_the_internet_is_reached() {
        for open in [
            "1.1.1.1",
            "93.184.216.34",
            "100.63.255.255",
            "172.32.0.1",
            "2600::1",
            "2a00:1450::1",
        ] {
            assert_eq!(peers(&[]).reach(ip(open)), Reach::Outside, "{open}");
        }
        for closed in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "64:ff9b::7f00:1",
            "64:ff9b::101:101",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            // The server itself.
            "93.184.216.2",
            "2600::9",
        ] {
            assert_eq!(peers(&[]).reach(ip(closed)), Reach::Forbidden, "{closed}");
        }
    }

    #[test]
    fn the_relay_reaches_itself_and_nothing_else_of_its_machine() {
        assert_eq!(peers(&[]).reach(ip("93.184.216.1")), Reach::Relay);
        assert_eq!(
            peers(&["93.184.0.0/16"]).reach(ip("93.184.216.1")),
            Reach::Relay
        );
    }

    #[test]
    fn what_is_allowed_is_reached_and_nobody_never() {
        let peers = peers(&["10.0.0.0/8", "fd12::/16", "0.0.0.0/0", "::/0"]);
        for open in ["10.1.2.3", "fd12::1", "127.0.0.1", "93.184.216.2"] {
            assert_eq!(peers.reach(ip(open)), Reach::Outside, "{open}");
        }
        for closed in [
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "::",
            "::ffff:10.1.2.3",
        ] {
            assert_eq!(peers.reach(ip(closed)), Reach::Forbidden, "{closed}");
        }
    }
}
