//! URLs of STUN and TURN servers (RFC 7064, RFC 7065).

/// How a device talks to a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream in TLS.
    Tls,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    /// As it is written in figures and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// It is of STUN, or of nothing known: there is no relay there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotARelay;

/// Where a relay is, as its URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayUrl {
    /// Name or address, an IPv6 one without brackets.
    pub host: String,
    /// The port; the standard's where none is named.
    pub port: u16,
    /// How to talk to it.
    pub transport: Transport,
}

impl RelayUrl {
    /// Takes a `turn:` or `turns:` URL apart.
    pub fn parse(url: &str) -> Result<Self, NotARelay> {
        let (scheme, rest) = url.split_once(':').ok_or(NotARelay)?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (transport, standard) = match (scheme, query) {
            ("turn", "transport=tcp") => (Transport::Tcp, 3478),
            ("turn", _) => (Transport::Udp, 3478),
            ("turns", _) => (Transport::Tls, 5349),
            _ => return Err(NotARelay),
        };
        let after_bracket = authority.rfind(']').unwrap_or(0);
        let colon = authority[after_bracket..]
            .rfind(':')
            .map(|at| at + after_bracket);
        let (host, port) = match colon {
            Some(at) => (
                &authority[..at],
                authority[at + 1..].parse().unwrap_or(standard),
            ),
            None => (authority, standard),
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            transport,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, host, port, transport) in [
            ("turn:a.example", "a.example", 3478, Transport::Udp),
            (
                "turn:a.example:99?transport=udp",
                "a.example",
                99,
                Transport::Udp,
            ),
            (
                "turn:192.0.2.1:99?transport=tcp",
                "192.0.2.1",
                99,
                Transport::Tcp,
            ),
            (
                "turns:[2001:db8::1]:443?transport=tcp",
                "2001:db8::1",
                443,
                Transport::Tls,
            ),
            ("turns:[2001:db8::1]", "2001:db8::1", 5349, Transport::Tls),
        ] {
            let expected = RelayUrl {
                host: host.to_owned(),
                port,
                transport,
            };
            assert_eq!(RelayUrl::parse(url), Ok(expected), "{url}");
        }
        assert_eq!(RelayUrl::parse("stun:a.example"), Err(NotARelay));
    }
}
