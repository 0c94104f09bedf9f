//! Which ways to the other device are tried.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A server to ask for a way, as GET /ice_servers names it.
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URL (RFC 7064, RFC 7065).
    pub url: String,
    /// Name and password, of a relay.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// How the other device may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// In any way; directly, where that is possible.
    #[default]
    Any,
    /// Through a relay alone: the other one does not learn where this device is.
    RelayOnly,
}

/// Says whether something may be sent to an address.
pub type Admits = Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// What a connection is made with.
#[derive(Clone)]
pub struct WayOptions {
    /// Servers to ask.
    pub servers: Vec<IceServer>,
    /// What is allowed.
    pub reach: Reach,
    /// Where the other device says it can be reached, and may be; everywhere without it. Checks are sent to those
    /// addresses, so whoever names them chooses where this machine sends packets to.
    pub admits: Option<Admits>,
    /// Whom to trust, of relays in TLS.
    pub tls: Arc<rustls::ClientConfig>,
}

impl WayOptions {
    /// Directly or not at all, whatever the other device names.
    pub fn direct() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // There is no relay, and nobody to trust.
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Ok(Self {
            servers: Vec::new(),
            reach: Reach::Any,
            admits: None,
            tls: Arc::new(tls),
        })
    }

    /// Whether a candidate may be used (RFC 8839, section 5.1: `candidate:` foundation, component, transport, priority,
    /// address, port, …). With a rule, what names no address is none.
    pub(crate) fn admits(&self, candidate: &str) -> bool {
        let Some(admits) = &self.admits else {
            return true;
        };
        let mut words = candidate.split_ascii_whitespace().skip(4);
        let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
        let port = words.next().and_then(|word| word.parse::<u16>().ok());
        match (address, port) {
            (Some(address), Some(port)) => admits(SocketAddr::new(address, port)),
            _ => false,
        }
    }

    /// A description without the candidates in it that may not be used.
    pub(crate) fn admitted(&self, description: &str) -> String {
        description
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("a=candidate:") || self.admits(line))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_go_only_where_they_may() {
        let mut options = WayOptions::direct().unwrap();
        let near = "candidate:1 1 udp 2130706431 10.0.0.7 5000 typ host";
        assert!(options.admits(near));
        options.admits = Some(Arc::new(|address| {
            address == SocketAddr::from(([1, 1, 1, 1], 9))
        }));
        assert!(options.admits("candidate:1 1 udp 2130706431 1.1.1.1 9 typ host"));
        for closed in [
            near,
            "candidate:1 1 udp 2130706431 1.1.1.1 53 typ host",
            "candidate:1 1 udp 2130706431 somewhere.local 9 typ host",
            "candidate:1",
            "",
        ] {
            assert!(!options.admits(closed), "{closed}");
        }
        let description = "v=0\r\na=candidate:1 1 udp 1 1.1.1.1 9 typ host\r\na=candidate:1 1 udp 1 ::1 9 typ host\r\na=mid:0\r\n";
        let admitted = "v=0\r\na=candidate:1 1 udp 1 1.1.1.1 9 typ host\r\na=mid:0\r\n";
        assert_eq!(options.admitted(description), admitted);
    }
}
