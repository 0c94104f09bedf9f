//! Which addresses the relay gives out. Nobody outside is asked: what this machine knows of itself, and what its
//! operator has said.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use melo_gateways::turn::{RelayAddress, is_public};

/// How long looking a name up may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(3);

/// How an address was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// TURN_PUBLIC_IP.
    Set,
    /// It is this machine's own, and public.
    Own,
    /// PUBLIC_URL leads there.
    Resolved,
    /// It is this machine's own, and reaches no further than its network.
    Near,
}

/// An address to give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Where to relay.
    pub relay: RelayAddress,
    /// Why.
    pub known: Known,
}

/// What there is to go by.
#[derive(Debug, Clone, Default)]
pub struct Clues {
    /// TURN_PUBLIC_IP.
    pub set: Vec<IpAddr>,
    /// Where packets to the internet leave this machine, by family.
    pub own: Vec<IpAddr>,
    /// What the host of PUBLIC_URL, or TURN_HOST, resolves to.
    pub resolved: Vec<IpAddr>,
}

impl Clues {
    /// Gathers them.
    pub async fn gather(bind: IpAddr, set: &[IpAddr], host: Option<&str>) -> Self {
        let own = families(bind)
            .into_iter()
            .filter_map(|any| {
                if bind.is_unspecified() {
                    leaving(any)
                } else {
                    Some(bind)
                }
            })
            .collect();
        let resolved = match host {
            Some(host) => resolve(host).await,
            None => Vec::new(),
        };
        Self {
            set: set.to_vec(),
            own,
            resolved,
        }
    }

    /// The addresses for a server that listens on `bind`, one of a family at most.
    pub fn addresses(&self, bind: IpAddr) -> Vec<Found> {
        let families = families(bind);
        families
            .iter()
            .filter_map(|any| self.of(bind, *any))
            .collect()
    }

    fn of(&self, bind: IpAddr, any: IpAddr) -> Option<Found> {
        let v4 = any.is_ipv4();
        let first = |from: &[IpAddr]| from.iter().copied().find(|ip| ip.is_ipv4() == v4);
        let open = |from: &[IpAddr]| {
            let mut from = from.iter().copied();
            from.find(|ip| ip.is_ipv4() == v4 && is_public(*ip))
        };
        let candidates = [
            (first(&self.set), Known::Set),
            (open(&self.own), Known::Own),
            (open(&self.resolved), Known::Resolved),
            (first(&self.own), Known::Near),
            // A machine without any network still has itself.
            (v4.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)), Known::Near),
        ];
        let (public, known) = candidates
            .into_iter()
            .find_map(|(ip, known)| Some((ip?, known)))?;
        let bind = if bind.is_unspecified() { any } else { bind };
        Some(Found {
            relay: RelayAddress { bind, public },
            known,
        })
    }
}

/// The families of a listening address, each by its unspecified address.
pub fn families(bind: IpAddr) -> Vec<IpAddr> {
    let (v4, v6) = (
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    );
    match bind {
        // As BIND_ADDRESS has it: every IPv6 and IPv4 one.
        IpAddr::V6(ip) if ip.is_unspecified() => vec![v4, v6],
        IpAddr::V6(_) => vec![v6],
        IpAddr::V4(_) => vec![v4],
    }
}

/// Where packets to the internet would leave. None is sent: connecting a datagram socket only looks the route up.
fn leaving(any: IpAddr) -> Option<IpAddr> {
    // Addresses of documentation (RFC 5737, RFC 3849): they are routed as the internet is.
    let far: IpAddr = if any.is_ipv4() {
        Ipv4Addr::new(192, 0, 2, 1).into()
    } else {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(far, 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}

async fn resolve(host: &str) -> Vec<IpAddr> {
    let looked_up = tokio::time::timeout(LOOK_UP_WITHIN, tokio::net::lookup_host((host, 0)));
    match looked_up.await {
        Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(all: &[&str]) -> Vec<IpAddr> {
        all.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    fn found(clues: &Clues, bind: &str) -> Vec<(String, Known)> {
        let found = clues.addresses(bind.parse().unwrap());
        found
            .iter()
            .map(|found| (found.relay.public.to_string(), found.known))
            .collect()
    }

    #[test]
    fn what_was_set_wins_then_what_is_public() {
        let mut clues = Clues {
            set: ips(&["198.51.100.7"]),
            own: ips(&["1.1.1.1", "2600::1"]),
            resolved: ips(&["8.8.8.8"]),
        };
        let one = |ip: &str, known| vec![(ip.to_owned(), known)];
        assert_eq!(found(&clues, "0.0.0.0"), one("198.51.100.7", Known::Set));
        clues.set.clear();
        assert_eq!(found(&clues, "0.0.0.0"), one("1.1.1.1", Known::Own));
        clues.own = ips(&["10.0.0.5", "2600::1"]);
        assert_eq!(found(&clues, "0.0.0.0"), one("8.8.8.8", Known::Resolved));
        // A name that leads back into the own network says nothing.
        clues.resolved = ips(&["10.0.0.9"]);
        assert_eq!(found(&clues, "0.0.0.0"), one("10.0.0.5", Known::Near));
        clues.own.clear();
        assert_eq!(found(&clues, "0.0.0.0"), one("127.0.0.1", Known::Near));
    }

    #[test]
    fn families_are_those_that_are_listened_on() {
        let clues = Clues {
            own: ips(&["1.1.1.1", "2600::1"]),
            ..Clues::default()
        };
        let all = found(&clues, "::");
        assert_eq!(all.len(), 2);
        assert_eq!(
            found(&clues, "2600::1"),
            [("2600::1".to_owned(), Known::Own)]
        );
        let none = Clues::default();
        // IPv6 that there is not is not relayed.
        assert_eq!(found(&none, "::"), [("127.0.0.1".to_owned(), Known::Near)]);
        let bound = clues.addresses("10.0.0.5".parse().unwrap());
        assert_eq!(bound[0].relay.bind, ips(&["10.0.0.5"])[0]);
        let any = clues.addresses("0.0.0.0".parse().unwrap());
        assert!(any[0].relay.bind.is_unspecified());
    }

    #[tokio::test]
    async fn one_address_to_listen_on_is_the_one_to_relay_on() {
        let bind = "127.0.0.1".parse().unwrap();
        let clues = Clues::gather(bind, &[], None).await;
        assert_eq!(
            found(&clues, "127.0.0.1"),
            [("127.0.0.1".to_owned(), Known::Near)]
        );
    }
}
