//! Where a call comes from, when it may have come through a proxy.
//!
//! Anybody can write anything into a header. So the headers count only when the connection itself comes from a
//! proxy that the operator trusts, and of what they say only the part that trusted proxies have written: reading
//! from the right, the first address that is not one of theirs. What stands further left is hearsay.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// In which header trusted proxies say whom they speak for. One only: a proxy passes on whatever else a client
/// has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    /// `X-Forwarded-For: client, proxy`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy` (RFC 7239).
    Forwarded,
}

impl ProxyHeader {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// The address that one element of it names, if it names one.
    fn address(self, element: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => address(element),
            Self::Forwarded => {
                let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
                let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
                address(node.trim().trim_matches('"'))
            }
        }
    }
}

/// Who may say whom they speak for.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    /// Their addresses.
    pub networks: Vec<IpNet>,
    /// Where they say it.
    pub header: ProxyHeader,
}

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }

    /// The client's address: `peer`, or what trusted proxies say in the header's `values`, given in the order in
    /// which they were sent.
    pub(crate) fn client<'v>(
        &self,
        peer: IpAddr,
        values: impl DoubleEndedIterator<Item = &'v str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let elements = values.rev().flat_map(|value| value.rsplit(','));
        for element in elements {
            if !self.trust(client) {
                break;
            }
            // An element without an address (`unknown`, a hidden name) ends what can be known: the proxy that
            // wrote it stands for whoever is behind it.
            match self.header.address(element) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let parsed = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ProxyHeader, peer: &str, values: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "192.0.2.9/32", "2001:db8:ff::/48"];
        let proxies = TrustedProxies {
            networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
            header,
        };
        let client = proxies.client(peer.parse().unwrap(), values.iter().copied());
        client.to_string()
    }

    #[test]
    fn a_stranger_speaks_for_nobody() {
        let by = |values: &[&str]| client(ProxyHeader::XForwardedFor, "203.0.113.7", values);
        assert_eq!(by(&[]), "203.0.113.7");
        assert_eq!(by(&["198.51.100.1"]), "203.0.113.7");
        assert_eq!(by(&["10.0.0.1"]), "203.0.113.7");
        let nobody = TrustedProxies::default();
        let peer = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(nobody.client(peer, ["198.51.100.1"].into_iter()), peer);
    }

    #[test]
    fn of_a_trusted_proxy_the_rightmost_stranger_counts() {
        let by = |values: &[&str]| client(ProxyHeader::XForwardedFor, "10.0.0.1", values);
        for (values, expected) in [
            (&[][..], "10.0.0.1"),
            (&["198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            (&["1.1.1.1, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),
            (&["198.51.100.1", "10.2.3.4, 192.0.2.9"], "198.51.100.1"),
            (&["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["2001:db8::1, 2001:db8:ff::2"], "2001:db8::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["198.51.100.1, unknown"], "10.0.0.1"),
            (&["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            (&["", ","], "10.0.0.1"),
        ] {
            assert_eq!(by(values), expected, "{values:?}");
        }
        let mapped = client(ProxyHeader::XForwardedFor, "::ffff:10.0.0.1", &["9.9.9.9"]);
        assert_eq!(mapped, "9.9.9.9", "a listener on :: sees IPv4 this way");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let by = |values: &[&str]| client(ProxyHeader::Forwarded, "10.0.0.1", values);
        for (values, expected) in [
            (&["for=192.0.2.43"][..], "192.0.2.43"),
            (&["for=1.1.1.1, for=198.51.100.17"], "198.51.100.17"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=192.0.2.60;proto=http;by=203.0.113.43"], "192.0.2.60"),
            (&["proto=https; for=192.0.2.60"], "192.0.2.60"),
            (&["for=192.0.2.60, for=_hidden"], "10.0.0.1"),
            (&["for=192.0.2.60, for=unknown"], "10.0.0.1"),
            (&["192.0.2.60"], "10.0.0.1"),
        ] {
            assert_eq!(by(values), expected, "{values:?}");
        }
    }
}
