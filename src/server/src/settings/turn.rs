//! STUN and TURN: how calls find their way.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use melo_domain::Secret;

use super::parse;
use super::reader::Reader;
use super::spec::{Section, Spec};

/// The explanation of this section.
pub const SECTION: Section = Section {
    title: "Calls (STUN and TURN, docs/CALLS.md)",
    specs: &[
        TURN_MODE,
        TURN_PORT,
        TURN_TLS_PORT,
        TURN_HOST,
        TURN_PUBLIC_IP,
        TURN_RELAY_PORTS,
        TURN_SECRET,
        TURN_CREDENTIAL_LIFE,
        TURN_URLS,
        TURN_ALLOW_NETWORKS,
        TURN_MAX_ALLOCATIONS,
        TURN_USER_ALLOCATIONS,
        TURN_USER_KBIT,
        TURN_TOTAL_KBIT,
        TURN_MAX_STREAMS,
        TURN_MAX_STREAMS_PER_IP,
    ],
};

const TURN_MODE: Spec = Spec {
    name: "TURN_MODE",
    default: Some("embedded"),
    example: "embedded",
    secret: false,
    help: "Who relays calls that find no direct way. embedded: this server; external: the servers of TURN_URLS, coturn say;
           off: nobody, and behind many routers there is no call.",
};
const TURN_PORT: Spec = Spec {
    name: "TURN_PORT",
    default: Some("3478"),
    example: "3478",
    secret: false,
    help: "UDP and TCP port for STUN and TURN. If it cannot be had, the server starts all the same and says so.",
};
const TURN_TLS_PORT: Spec = Spec {
    name: "TURN_TLS_PORT",
    default: Some("5349"),
    example: "443",
    secret: false,
    help: "TCP port for TURN in TLS, with the server's certificate: for networks that let nothing else out. 0: none.",
};
const TURN_HOST: Spec = Spec {
    name: "TURN_HOST",
    default: None,
    example: "turn.example.org",
    secret: false,
    help: "Name or address under which clients reach these ports, where it is not the host of PUBLIC_URL, as behind a web proxy.
           For TLS the certificate must name it. Unset: the host of PUBLIC_URL, or the one that the client has called.",
};
const TURN_PUBLIC_IP: Spec = Spec {
    name: "TURN_PUBLIC_IP",
    default: None,
    example: "198.51.100.7",
    secret: false,
    help: "Address that the other side of a call sends to; with IPv6 two, separated by a comma. Set it where this machine is behind
           a translator (most clouds). Unset: the machine's own address if that is public, else what PUBLIC_URL's host resolves to.",
};
const TURN_RELAY_PORTS: Spec = Spec {
    name: "TURN_RELAY_PORTS",
    default: Some("49152-65535"),
    example: "49152-65535",
    secret: false,
    help: "UDP ports that the relay sends and receives on. They must be open to everybody.",
};
const TURN_SECRET: Spec = Spec {
    name: "TURN_SECRET",
    default: None,
    example: "$(openssl rand -hex 32)",
    secret: true,
    help: "Makes the passwords of relays (coturn: static-auth-secret), 16 characters or more. Must be set when TURN_MODE is
           external. Unset: KEYS_DIR/turn.secret.",
};
const TURN_CREDENTIAL_LIFE: Spec = Spec {
    name: "TURN_CREDENTIAL_LIFE",
    default: Some("43200"),
    example: "43200",
    secret: false,
    help: "Seconds that credentials for relays are good: no relayed call lasts longer without asking for new ones.",
};
const TURN_URLS: Spec = Spec {
    name: "TURN_URLS",
    default: None,
    example: "stun:turn.example.org:3478,turn:turn.example.org:3478?transport=udp,turns:turn.example.org:5349?transport=tcp",
    secret: false,
    help: "Servers that clients are told when TURN_MODE is external, separated by commas, the best first.",
};
const TURN_ALLOW_NETWORKS: Spec = Spec {
    name: "TURN_ALLOW_NETWORKS",
    default: None,
    example: "192.168.0.0/16,fd00::/8",
    secret: false,
    help: "Networks (CIDR) that are relayed to although they are not public, separated by commas. Everybody with an account
           reaches every machine there. Unset: none; private, link-local, loopback and other closed addresses are refused.",
};
const TURN_MAX_ALLOCATIONS: Spec = Spec {
    name: "TURN_MAX_ALLOCATIONS",
    default: Some("4000"),
    example: "4000",
    secret: false,
    help: "Relayed addresses at once. Each takes a port and an open file.",
};
const TURN_USER_ALLOCATIONS: Spec = Spec {
    name: "TURN_USER_ALLOCATIONS",
    default: Some("60"),
    example: "60",
    secret: false,
    help: "Those of one account, on all its devices. A browser asks for several for each call, in a call of eight for each of seven.",
};
const TURN_USER_KBIT: Spec = Spec {
    name: "TURN_USER_KBIT",
    default: Some("10000"),
    example: "10000",
    secret: false,
    help: "Relayed kbit/s of one account, both directions together. A call with video takes 2,000 to 5,000. 0: no limit.",
};
const TURN_TOTAL_KBIT: Spec = Spec {
    name: "TURN_TOTAL_KBIT",
    default: Some("400000"),
    example: "400000",
    secret: false,
    help: "Relayed kbit/s of all together. 0: no limit.",
};
const TURN_MAX_STREAMS: Spec = Spec {
    name: "TURN_MAX_STREAMS",
    default: Some("4000"),
    example: "4000",
    secret: false,
    help: "Open TCP and TLS connections to the relay.",
};
const TURN_MAX_STREAMS_PER_IP: Spec = Spec {
    name: "TURN_MAX_STREAMS_PER_IP",
    default: Some("200"),
    example: "200",
    secret: false,
    help: "Those of one address (IPv6: of one /64). A company behind one address may have many calls.",
};

/// The fewest characters of a secret that somebody sets.
const SECRET_MIN: usize = 16;
/// A day in seconds: the longest life of credentials.
const DAY: u32 = 86_400;

/// Who relays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnMode {
    /// Nobody.
    Off,
    /// This server.
    Embedded,
    /// These servers.
    External(Vec<String>),
}

/// How calls find their way.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Who relays.
    pub mode: TurnMode,
    /// UDP and TCP.
    pub port: u16,
    /// TLS; none: without.
    pub tls_port: Option<u16>,
    /// What clients call it.
    pub host: Option<String>,
    /// What peers send to, one of a family at most.
    pub public: Vec<IpAddr>,
    /// UDP ports of relayed addresses.
    pub relay_ports: RangeInclusive<u16>,
    /// Makes passwords, if it is set here.
    pub secret: Option<Secret>,
    /// How long they are good.
    pub credential_life: Duration,
    /// Closed networks that are relayed to.
    pub allowed: Vec<IpNet>,
    /// Allocations at once.
    pub allocations: u32,
    /// Those of one account.
    pub account_allocations: u32,
    /// Bytes per second of one account.
    pub account_bandwidth: Option<NonZeroU64>,
    /// Of all.
    pub total_bandwidth: Option<NonZeroU64>,
    /// Streams at once.
    pub streams: u32,
    /// Those of one address.
    pub streams_per_address: u32,
}

impl Turn {
    /// Reads the section.
    pub fn from(reader: &mut Reader<'_>) -> Option<Self> {
        let mode = reader.value(&TURN_MODE, mode);
        let port = reader.value(&TURN_PORT, parse::port);
        let tls_port = reader.value(&TURN_TLS_PORT, port_or_none);
        let host = reader.optional(&TURN_HOST, host);
        let public = reader.optional(&TURN_PUBLIC_IP, addresses);
        let relay_ports = reader.value(&TURN_RELAY_PORTS, port_range);
        let secret = reader.optional(&TURN_SECRET, secret);
        let credential_life = reader.value(&TURN_CREDENTIAL_LIFE, parse::seconds(60, DAY));
        let urls = reader.optional(&TURN_URLS, urls);
        let allowed = reader.optional(&TURN_ALLOW_NETWORKS, networks);
        let allocations = reader.value(&TURN_MAX_ALLOCATIONS, parse::number(1, 65_535));
        let own = reader.value(&TURN_USER_ALLOCATIONS, parse::number(1, 65_535));
        let account_bandwidth = reader.value(&TURN_USER_KBIT, kbit);
        let total_bandwidth = reader.value(&TURN_TOTAL_KBIT, kbit);
        let streams = reader.value(&TURN_MAX_STREAMS, parse::number(1, 1_000_000));
        let per_address = reader.value(&TURN_MAX_STREAMS_PER_IP, parse::number(1, 1_000_000));
        if port.is_some() && port == tls_port.flatten() {
            reader.conflict(&TURN_TLS_PORT, "must differ from TURN_PORT");
        }
        let mode = match mode? {
            TurnMode::External(_) => {
                if matches!(secret, Some(None)) {
                    reader.conflict(&TURN_SECRET, "must be set when TURN_MODE is external");
                }
                let urls = urls?;
                if urls.is_none() {
                    reader.conflict(&TURN_URLS, "must be set when TURN_MODE is external");
                }
                TurnMode::External(urls.unwrap_or_default())
            }
            mode => mode,
        };
        Some(Self {
            mode,
            port: port?,
            tls_port: tls_port?,
            host: host?,
            public: public?.unwrap_or_default(),
            relay_ports: relay_ports?,
            secret: secret?,
            credential_life: credential_life?,
            allowed: allowed?.unwrap_or_default(),
            allocations: allocations?,
            account_allocations: own?,
            account_bandwidth: account_bandwidth?,
            total_bandwidth: total_bandwidth?,
            streams: streams?,
            streams_per_address: per_address?,
        })
    }

    /// The defaults.
    #[cfg(test)]
    pub fn for_testing() -> Self {
        Self {
            mode: TurnMode::Embedded,
            port: 3478,
            tls_port: Some(5349),
            host: None,
            public: Vec::new(),
            relay_ports: 49_152..=65_535,
            secret: None,
            credential_life: Duration::from_hours(12),
            allowed: Vec::new(),
            allocations: 4000,
            account_allocations: 60,
            account_bandwidth: NonZeroU64::new(1_250_000),
            total_bandwidth: NonZeroU64::new(50_000_000),
            streams: 4000,
            streams_per_address: 200,
        }
    }
}

fn mode(text: &str) -> Result<TurnMode, String> {
    match text.to_ascii_lowercase().as_str() {
        "embedded" => Ok(TurnMode::Embedded),
        // The servers are in a setting of their own.
        "external" => Ok(TurnMode::External(Vec::new())),
        "off" => Ok(TurnMode::Off),
        _ => Err("must be embedded, external or off".to_owned()),
    }
}

#[allow(clippy::option_option)] // `None` is what 0 means, `Err` what is wrong
fn port_or_none(text: &str) -> Result<Option<u16>, String> {
    if text == "0" {
        return Ok(None);
    }
    parse::port(text).map(Some)
}

fn host(text: &str) -> Result<String, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().is_ok();
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if address || (!text.is_empty() && text.chars().all(letter)) {
        Ok(bare.to_owned())
    } else {
        Err("must be a name or an address, without a port".to_owned())
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    const EXPECTED: &str =
        "must be an IP address, or one of IPv4 and one of IPv6, separated by a comma";
    let read: Result<Vec<IpAddr>, _> = list(text).map(str::parse).collect();
    let read = read.map_err(|_| EXPECTED.to_owned())?;
    let of = |v4| read.iter().filter(|ip| ip.is_ipv4() == v4).count();
    let nobody = |ip: &IpAddr| ip.is_unspecified() || ip.is_multicast();
    if read.is_empty() || of(true) > 1 || of(false) > 1 || read.iter().any(nobody) {
        return Err(EXPECTED.to_owned());
    }
    Ok(read)
}

fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let range = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (1024 <= first && first <= last).then_some(first..=last)
    });
    range.ok_or_else(|| {
        "must be two ports from 1024 to 65535, the lower one first, like 49152-65535".to_owned()
    })
}

fn secret(text: &str) -> Result<Secret, String> {
    if text.chars().count() < SECRET_MIN {
        return Err(format!("must be {SECRET_MIN} characters or more"));
    }
    Ok(Secret::new(text.to_owned()))
}

fn urls(text: &str) -> Result<Vec<String>, String> {
    let urls: Vec<String> = list(text).map(str::to_owned).collect();
    let known = |url: &String| {
        let scheme = url.split_once(':').filter(|(_, rest)| !rest.is_empty());
        let plain = url.chars().all(|c| c.is_ascii_graphic());
        plain && matches!(scheme, Some(("stun" | "stuns" | "turn" | "turns", _)))
    };
    if urls.is_empty() || !urls.iter().all(known) {
        return Err(
            "must be URLs that begin with stun:, turn: or turns:, separated by commas".to_owned(),
        );
    }
    Ok(urls)
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    list(text)
        .map(|entry| {
            let address = || entry.parse::<IpAddr>().map(IpNet::from);
            entry.parse::<IpNet>().or_else(|_| address()).map_err(|_| {
                "must be IP addresses or networks like 192.168.0.0/16, separated by commas"
                    .to_owned()
            })
        })
        .collect()
}

/// Bytes per second; none means no limit.
#[allow(clippy::option_option)] // as above
fn kbit(text: &str) -> Result<Option<NonZeroU64>, String> {
    let kbit = parse::number(0, u32::MAX)(text)?;
    Ok(NonZeroU64::new(u64::from(kbit) * 125))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_kept() {
        assert_eq!(port_range("49152-65535"), Ok(49_152..=65_535));
        assert_eq!(port_range("2000 - 2000"), Ok(2000..=2000));
        for bad in ["", "5000", "6000-5000", "80-90", "1024-65536", "a-b"] {
            assert!(port_range(bad).is_err(), "{bad}");
        }
        assert_eq!(
            addresses("192.0.2.1, 2001:db8::1").map(|all| all.len()),
            Ok(2)
        );
        for bad in [
            "",
            "192.0.2.1,192.0.2.2",
            "0.0.0.0",
            "chat.example.org",
            "::",
        ] {
            assert!(addresses(bad).is_err(), "{bad}");
        }
        assert_eq!(host("[2001:db8::1]"), Ok("2001:db8::1".to_owned()));
        assert_eq!(host("turn.example.org"), Ok("turn.example.org".to_owned()));
        for bad in ["", "turn.example.org:3478", "a b", "https://a"] {
            assert!(host(bad).is_err(), "{bad}");
        }
        assert_eq!(kbit("8"), Ok(NonZeroU64::new(1000)));
        assert_eq!(kbit("0"), Ok(None));
        assert!(urls("turn:a:3478?transport=udp,stun:b").is_ok());
        for bad in ["", "https://a", "turn:", "turn:a b"] {
            assert!(urls(bad).is_err(), "{bad}");
        }
    }
}
