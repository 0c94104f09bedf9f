//! URLs of relays (RFC 7065).

use std::time::Duration;

use melo_gateways::turn::Transport;

use super::probe::Way;

/// How long looking a name up may take.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// It is of STUN: nothing to relay through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotARelay;

/// What a URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    host: String,
    port: u16,
    transport: Transport,
}

fn parts(url: &str) -> Result<Parts, NotARelay> {
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
    Ok(Parts {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        transport,
    })
}

/// The ways that a URL stands for: one for each address behind its name.
pub async fn ways(url: &str) -> Result<Vec<Way>, NotARelay> {
    let Parts {
        host,
        port,
        transport,
    } = parts(url)?;
    let found = tokio::net::lookup_host((host.as_str(), port));
    let found = tokio::time::timeout(LOOK_UP_WITHIN, found).await;
    let Ok(Ok(addresses)) = found else {
        return Ok(Vec::new());
    };
    let ways = addresses.map(|address| Way {
        transport,
        address,
        name: host.clone(),
    });
    Ok(ways.collect())
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
            let expected = Parts {
                host: host.to_owned(),
                port,
                transport,
            };
            assert_eq!(parts(url), Ok(expected), "{url}");
        }
        assert_eq!(parts("stun:a.example"), Err(NotARelay));
    }
}
