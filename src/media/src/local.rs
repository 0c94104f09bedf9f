//! The addresses that a connection is made from.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// More interfaces than this are a machine full of containers: the first ones are enough.
const MOST: usize = 8;

/// One socket for each address that the other device might reach, any port. Where there is none, the machine is without
/// a network: then what runs on it can still be reached.
pub fn addresses() -> Vec<SocketAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up())
        .map(if_addrs::Interface::ip)
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified() && !is_link_local(*ip))
        .collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    if found.is_empty() {
        found.push(Ipv4Addr::LOCALHOST.into());
    }
    found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// They mean nothing to anybody on another link (RFC 3927; RFC 4291, section 2.5.6).
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_somewhere_to_be_reached() {
        let found = addresses();
        assert!(!found.is_empty());
        for address in found {
            assert_eq!(address.port(), 0);
            assert!(std::net::UdpSocket::bind(address).is_ok(), "{address}");
        }
    }
}
