//! Starts the relay, as far as that is possible: a port that cannot be had costs calls, not messages.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use melo_domain::{Clock, Secret};
use melo_gateways::turn::{
    Authority, RelayAddress, Transport, TurnLimits, TurnServer, TurnSettings, Unbound,
};
use melo_services::Core;
use melo_services::ice::{IcePort, IceSource};
use rustls::ServerConfig;

use super::Sessions;
use super::address::{Clues, Found, Known, families};
use crate::settings::{Settings, Turn, TurnMode};

/// The name of the credentials' space.
pub const REALM: &str = "melo";
/// What a client may name in the TLS handshake (RFC 7443).
const ALPN: [&[u8]; 2] = [b"stun.turn", b"stun.nat-discovery"];

/// What came of it.
pub struct Started {
    /// The relay, if this server has one.
    pub server: Option<Arc<TurnServer>>,
    /// What clients are told.
    pub source: IceSource,
    /// For the operator: where calls find their way, or why they do not. English and Russian.
    pub said: [String; 2],
}

/// Who knows who may relay.
pub struct Asked {
    /// About everybody.
    pub core: Weak<Core>,
    /// The pseudonym of whoever runs the server.
    pub operator: String,
}

/// Starts what the settings ask for.
pub async fn start(
    settings: &Settings,
    mode: &TurnMode,
    secret: &Secret,
    tls: &ServerConfig,
    asked: Asked,
    clock: Arc<dyn Clock>,
) -> Started {
    match mode {
        TurnMode::Off => Started {
            server: None,
            source: IceSource::Off,
            said: [
                "no relay (TURN_MODE=off): behind many routers there is no call".to_owned(),
                "без ретранслятора (TURN_MODE=off): за многими роутерами звонка не будет"
                    .to_owned(),
            ],
        },
        TurnMode::External(urls) => Started {
            server: None,
            source: IceSource::External(urls.clone()),
            said: [
                "relayed by the servers of TURN_URLS".to_owned(),
                "через серверы из TURN_URLS".to_owned(),
            ],
        },
        TurnMode::Embedded => embedded(settings, secret, tls, asked, clock).await,
    }
}

/// What the relay is told.
pub fn turn_settings(
    settings: &Settings,
    secret: &Secret,
    relays: Vec<RelayAddress>,
) -> TurnSettings {
    let turn = &settings.turn;
    let at = |port: u16| -> Vec<SocketAddr> {
        let bind = settings.network.bind;
        let addresses = if bind.is_unspecified() {
            families(bind)
        } else {
            vec![bind]
        };
        let addresses = addresses.into_iter();
        addresses.map(|ip| SocketAddr::new(ip, port)).collect()
    };
    TurnSettings {
        realm: REALM.to_owned(),
        secret: secret.clone(),
        udp: at(turn.port),
        tcp: at(turn.port),
        tls: turn.tls_port.map(at).unwrap_or_default(),
        relays,
        ports: turn.relay_ports.clone(),
        allowed: turn.allowed.clone(),
        limits: limits(turn),
    }
}

fn limits(turn: &Turn) -> TurnLimits {
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    TurnLimits {
        allocations: count(turn.allocations),
        per_account: count(turn.account_allocations),
        account_bandwidth: turn.account_bandwidth,
        total_bandwidth: turn.total_bandwidth,
        streams: count(turn.streams),
        streams_per_address: count(turn.streams_per_address),
    }
}

/// The host by which clients reach the relay, as far as that is known.
pub fn host(settings: &Settings) -> Option<String> {
    let turn = &settings.turn;
    turn.host.clone().or_else(|| settings.network.public_host())
}

async fn embedded(
    settings: &Settings,
    secret: &Secret,
    tls: &ServerConfig,
    asked: Asked,
    clock: Arc<dyn Clock>,
) -> Started {
    let bind = settings.network.bind;
    let host = host(settings);
    let clues = Clues::gather(bind, &settings.turn.public, host.as_deref()).await;
    let found = clues.addresses(bind);
    let relays = found.iter().map(|found| found.relay).collect();
    let mut tls = tls.clone();
    tls.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    let authority: Arc<dyn Authority> = Arc::new(Sessions {
        core: asked.core,
        operator: asked.operator,
    });
    let turn = turn_settings(settings, secret, relays);
    let (server, unbound) = TurnServer::start(turn, Some(Arc::new(tls)), authority, clock);
    for missing in &unbound {
        let (address, transport) = (missing.address, missing.transport.as_str());
        tracing::warn!(error = %missing.error, %address, transport, "not listening for calls");
    }
    if found.iter().all(|found| found.known == Known::Near) && !bind.is_loopback() {
        tracing::warn!(
            "calls are relayed within this network alone: no public address is known. Set TURN_PUBLIC_IP"
        );
    }
    let ports = ports(&server);
    let said = said(&ports, &unbound, &found);
    Started {
        server: Some(Arc::new(server)),
        source: IceSource::Embedded { host, ports },
        said,
    }
}

/// What clients are told: what is listened on, the quickest first.
fn ports(server: &TurnServer) -> Vec<IcePort> {
    let port = |wanted| {
        let mut bound = server.bound().iter();
        let found = bound.find(|bound| bound.transport == wanted)?;
        Some(found.address.port())
    };
    let ways = [
        ("stun", Transport::Udp, None),
        ("turn", Transport::Udp, Some("udp")),
        ("turn", Transport::Tcp, Some("tcp")),
        ("turns", Transport::Tls, Some("tcp")),
    ];
    ways.into_iter()
        .filter_map(|(scheme, way, transport)| {
            Some(IcePort {
                scheme,
                port: port(way)?,
                transport,
            })
        })
        .collect()
}

fn said(ports: &[IcePort], unbound: &[Unbound], found: &[Found]) -> [String; 2] {
    let ways: Vec<String> = ports
        .iter()
        .filter(|port| port.scheme != "stun")
        .map(|port| {
            let way = match port.scheme {
                "turns" => "TLS",
                _ if port.transport == Some("udp") => "UDP",
                _ => "TCP",
            };
            format!("{way} {}", port.port)
        })
        .collect();
    let addresses: Vec<String> = found
        .iter()
        .map(|found| found.relay.public.to_string())
        .collect();
    let (ways, addresses) = (ways.join(", "), addresses.join(", "));
    let mut said = if ways.is_empty() {
        [
            "no relay: none of its ports could be had".to_owned(),
            "без ретранслятора: его порты заняты".to_owned(),
        ]
    } else {
        [
            format!("STUN and TURN on {ways}; relayed as {addresses}"),
            format!("STUN и TURN: {ways}; адрес ретрансляции {addresses}"),
        ]
    };
    for missing in unbound {
        let (way, address) = (missing.transport.as_str().to_uppercase(), missing.address);
        let (why, russian) = match missing.error.kind() {
            io::ErrorKind::AddrInUse => ("taken by another program", "порт занят"),
            io::ErrorKind::PermissionDenied => ("not permitted", "нет прав"),
            _ => ("see the log", "см. журнал"),
        };
        let [in_english, in_russian] = &mut said;
        // Writing to a String cannot fail.
        let _ = write!(in_english, "; NOT on {way} {address}: {why}");
        let _ = write!(in_russian, "; НЕ слушает {way} {address}: {russian}");
    }
    said
}
