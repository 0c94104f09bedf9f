//! `melo doctor calls`: whether calls find their way through the relay, and if not, why.

mod probe;
mod remedy;
mod url;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use melo_crypto::RelayPseudonyms;
use melo_domain::{Clock, SystemClock};
use melo_gateways::turn::{
    Account as Tag, Authority, CannotSay, RelayAddress, Transport, TurnServer,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::finding::Finding;
use super::verdict;
use crate::data_dir;
use crate::keys::{self, Keys};
use crate::relay::{self, Clues, Found, Known};
use crate::settings::{Settings, SettingsError, TurnMode};
use probe::{Account, Way, probe};

const AREA: &str = "calls";

/// Checks the way of calls, prints the findings, and ends with exit code 1 when one failed.
pub async fn run(settings: Result<Settings, SettingsError>) -> ExitCode {
    let findings = match settings {
        Ok(settings) => check(&settings).await,
        Err(error) => vec![Finding::fail("settings", error.to_string(), "correct them")],
    };
    for finding in &findings {
        println!("{finding}");
    }
    verdict(&findings)
}

async fn check(settings: &Settings) -> Vec<Finding> {
    let keys = match keys::load(settings) {
        Ok(keys) => keys,
        Err(error) => {
            let remedy = "melo keys init makes what is missing";
            return vec![Finding::fail("keys", error.to_string(), remedy)];
        }
    };
    let account = Account {
        secret: keys.turn_secret.clone(),
        pseudonym: RelayPseudonyms::new(&keys.app_secret).operator(),
    };
    let tls = match trust(&keys) {
        Ok(tls) => Arc::new(tls),
        Err(error) => {
            return vec![Finding::fail("certificate", error, "see keys/README.md")];
        }
    };
    match &settings.turn.mode {
        TurnMode::Off => vec![Finding::warn(
            AREA,
            "there is no relay: TURN_MODE is off",
            "set TURN_MODE=embedded, or external with TURN_URLS",
        )],
        TurnMode::External(urls) => external(urls, &account, &tls).await,
        TurnMode::Embedded => embedded(settings, &keys, &account, &tls).await,
    }
}

/// The system's authorities; and the certificate itself, where nobody signed it but we.
fn trust(keys: &Keys) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if keys.tls.info.self_signed {
        let file = &keys.tls.files.certificate;
        let pem = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let own = CertificateDer::from_pem_slice(&pem).map_err(|error| error.to_string())?;
        roots.add(own).map_err(|error| error.to_string())?;
    }
    Ok(ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Servers of somebody else.
async fn external(urls: &[String], account: &Account, tls: &Arc<ClientConfig>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for text in urls {
        match url::ways(text).await {
            Ok(ways) if ways.is_empty() => findings.push(Finding::fail(
                AREA,
                format!("{text}: its name leads nowhere"),
                "correct TURN_URLS, or the name in DNS",
            )),
            Ok(ways) => {
                for way in ways {
                    findings.push(tried(&way, account, tls).await);
                }
            }
            Err(melo_stun::NotARelay) => {}
        }
    }
    if findings.is_empty() {
        findings.push(Finding::warn(
            AREA,
            "TURN_URLS names no relay, only STUN",
            "add a turn: URL",
        ));
    }
    findings
}

/// This server's own relay: the one that runs, or one that is started for this.
async fn embedded(
    settings: &Settings,
    keys: &Keys,
    account: &Account,
    tls: &Arc<ClientConfig>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let host = relay::host(settings);
    let bind = settings.network.bind;
    let clues = Clues::gather(bind, &settings.turn.public, host.as_deref()).await;
    let found = clues.addresses(bind);
    let running = data_dir::is_in_use(&settings.storage.data_dir);
    let _started = if running {
        findings.push(Finding::ok(AREA, "asking the server that runs here"));
        None
    } else {
        let relays = found.iter().map(|found| found.relay).collect();
        let (server, missing) = start(settings, keys, account, relays);
        findings.push(Finding::ok(
            AREA,
            "no server runs here: its relay was started for this check",
        ));
        for missing in missing {
            findings.push(remedy::unbound(&missing));
        }
        Some(server)
    };
    let name = host.unwrap_or_else(|| "localhost".to_owned());
    for way in near(settings, &name) {
        findings.push(tried(&way, account, tls).await);
    }
    for found in &found {
        findings.push(public(settings, found, &name, account, tls).await);
    }
    findings
}

/// Lets the operator in, and nobody else.
struct OperatorOnly(String);

#[async_trait]
impl Authority for OperatorOnly {
    async fn account(&self, pseudonym: &str) -> Result<Option<Tag>, CannotSay> {
        Ok((pseudonym == self.0).then_some(Tag(0)))
    }
}

fn start(
    settings: &Settings,
    keys: &Keys,
    account: &Account,
    relays: Vec<RelayAddress>,
) -> (TurnServer, Vec<melo_gateways::turn::Unbound>) {
    let turn = relay::turn_settings(settings, &keys.turn_secret, relays);
    let authority: Arc<dyn Authority> = Arc::new(OperatorOnly(account.pseudonym.clone()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tls = Arc::new(keys.tls.config.clone());
    TurnServer::start(turn, Some(tls), authority, clock)
}

/// The listeners, as this machine reaches them.
fn near(settings: &Settings, name: &str) -> Vec<Way> {
    let turn = &settings.turn;
    let bind = settings.network.bind;
    let addresses: Vec<IpAddr> = relay::families(bind)
        .into_iter()
        .map(|any| match any {
            _ if !bind.is_unspecified() => bind,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        })
        .collect();
    let ports = [
        (Transport::Udp, Some(turn.port)),
        (Transport::Tcp, Some(turn.port)),
        (Transport::Tls, turn.tls_port),
    ];
    let mut ways = Vec::new();
    for (transport, port) in ports {
        let Some(port) = port else {
            continue;
        };
        ways.extend(addresses.iter().map(|ip| Way {
            transport,
            address: SocketAddr::new(*ip, port),
            name: name.to_owned(),
        }));
    }
    ways
}

async fn tried(way: &Way, account: &Account, tls: &Arc<ClientConfig>) -> Finding {
    let outcome = probe(way, account, tls, SystemClock.now()).await;
    remedy::finding(way, outcome)
}

/// Whether the address that is given out leads here.
async fn public(
    settings: &Settings,
    found: &Found,
    name: &str,
    account: &Account,
    tls: &Arc<ClientConfig>,
) -> Finding {
    const AREA: &str = "public ip";
    let ip = found.relay.public;
    if found.known == Known::Near {
        return if settings.network.bind.is_loopback() {
            Finding::ok(
                AREA,
                format!("{ip}: this machine alone, as BIND_ADDRESS says"),
            )
        } else {
            Finding::warn(
                AREA,
                format!("{ip} is not public: calls are relayed within this network alone"),
                "set TURN_PUBLIC_IP to the address that the internet sees, and forward the ports to this machine",
            )
        };
    }
    if found.known == Known::Own {
        return Finding::ok(AREA, format!("{ip}, an address of this machine"));
    }
    // Behind a translator: only who has our secret answers with what was asked for.
    let way = Way {
        transport: Transport::Udp,
        address: SocketAddr::new(ip, settings.turn.port),
        name: name.to_owned(),
    };
    remedy::public(
        ip,
        found.known,
        &probe(&way, account, tls, SystemClock.now()).await,
    )
}
