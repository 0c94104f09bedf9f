//! The relay on real sockets of this machine, with a client of its own and peers that are plain sockets.

mod data;
mod hostile;
mod lifetimes;
mod limits;
mod refusals;
mod streams;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use melo_crypto::random;
use melo_domain::{Clock, ManualClock, Secret, Timestamp};
use melo_stun::client::{Client, ClientError, Incoming, Link};
use melo_stun::shared_secret_password;
use parking_lot::Mutex;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::*;

/// How long anything may take before the test gives up. Generous: it is only reached by failing tests.
const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "between us";
const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Who may relay.
#[derive(Default)]
struct Book(Mutex<HashMap<String, u64>>);

#[async_trait]
impl Authority for Book {
    async fn account(&self, pseudonym: &str) -> Result<Option<Account>, CannotSay> {
        Ok(self.0.lock().get(pseudonym).copied().map(Account))
    }
}

struct World {
    server: TurnServer,
    clock: Arc<ManualClock>,
    book: Arc<Book>,
    trust: Arc<ClientConfig>,
}

fn settings() -> TurnSettings {
    let any = |ip| vec![SocketAddr::new(ip, 0)];
    TurnSettings {
        realm: "melo".to_owned(),
        secret: Secret::new(SECRET.to_owned()),
        udp: [any(LOOPBACK), any(LOOPBACK_V6)].concat(),
        tcp: [any(LOOPBACK), any(LOOPBACK_V6)].concat(),
        tls: any(LOOPBACK),
        relays: [LOOPBACK, LOOPBACK_V6]
            .map(|ip| RelayAddress {
                bind: ip,
                public: ip,
            })
            .to_vec(),
        ports: 20_000..=59_999,
        allowed: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        limits: TurnLimits {
            allocations: 100,
            per_account: 20,
            account_bandwidth: None,
            total_bandwidth: None,
            streams: 50,
            streams_per_address: 40,
        },
    }
}

/// A certificate for localhost, and who trusts it.
fn tls() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

impl World {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: TurnSettings) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let book = Arc::<Book>::default();
        for (whom, account) in [("anna", 1), ("boris", 2), ("vera", 3)] {
            book.0.lock().insert(whom.to_owned(), account);
        }
        let (certificate, trust) = tls();
        let authority: Arc<dyn Authority> = Arc::<Book>::clone(&book);
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let (server, unbound) = TurnServer::start(settings, Some(certificate), authority, time);
        assert!(unbound.is_empty(), "{unbound:?}");
        Self {
            server,
            clock,
            book,
            trust,
        }
    }

    fn address(&self, transport: Transport, v4: bool) -> SocketAddr {
        let mut bound = self.server.bound().iter();
        let found =
            bound.find(|bound| bound.transport == transport && bound.address.is_ipv4() == v4);
        found.unwrap().address
    }

    async fn link(&self, transport: Transport, v4: bool) -> Link {
        let to = self.address(transport, v4);
        match transport {
            Transport::Udp => {
                let socket = udp(if v4 { LOOPBACK } else { LOOPBACK_V6 }).await;
                socket.connect(to).await.unwrap();
                Link::Udp(socket)
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(to).await.unwrap();
                Link::Stream(Box::new(stream), Vec::new())
            }
            Transport::Tls => {
                let stream = TcpStream::connect(to).await.unwrap();
                let connector = TlsConnector::from(Arc::clone(&self.trust));
                let name = ServerName::try_from("localhost").unwrap();
                let stream = connector.connect(name, stream).await.unwrap();
                Link::Stream(Box::new(stream), Vec::new())
            }
        }
    }

    /// With credentials for the next hour.
    async fn client(&self, whom: &str, transport: Transport) -> Client {
        let link = self.link(transport, true).await;
        let (name, password) = self.credentials(whom, Duration::from_hours(1));
        Client::new(link, name, password, random::fill)
    }

    fn credentials(&self, whom: &str, life: Duration) -> (String, Secret) {
        let name = format!("{}:{whom}", self.clock.now().plus(life).seconds());
        let password = shared_secret_password(&Secret::new(SECRET.to_owned()), &name);
        (name, password)
    }

    fn live(&self) -> u64 {
        self.server.figures().live()
    }

    /// Waits until something has become so.
    async fn until(&self, so: impl Fn(&TurnFigures) -> bool) {
        let waiting = async {
            while !so(&self.server.figures()) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{:?}", self.server.figures());
    }
}

/// A peer, or the socket of a client.
async fn udp(ip: IpAddr) -> UdpSocket {
    UdpSocket::bind(SocketAddr::new(ip, 0)).await.unwrap()
}

async fn datagram(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let received = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer));
    let (length, from) = received.await.expect("a datagram").unwrap();
    buffer.truncate(length);
    (buffer, from)
}

async fn incoming(client: &mut Client) -> Incoming {
    let received = tokio::time::timeout(PATIENCE, client.receive());
    received.await.expect("data").unwrap()
}

#[track_caller]
fn refused<T>(outcome: Result<T, ClientError>) -> u16 {
    match outcome {
        Ok(_) => panic!("it was granted"),
        Err(error) => error.code().unwrap_or_else(|| panic!("{error}")),
    }
}
