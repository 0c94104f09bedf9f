//! Asks a relay for two addresses in one way, and sends packets from one to the other and back.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use melo_crypto::random;
use melo_domain::{Secret, Timestamp};
use melo_gateways::turn::Transport;
use melo_stun::client::{Client, ClientError, Incoming, Link};
use melo_stun::{code, shared_secret_password};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

/// How long making a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a packet may be on its way.
const PACKET_WITHIN: Duration = Duration::from_secs(2);
/// Packets that are sent each way.
const PACKETS: u32 = 10;
/// What ordinary credentials of a check are good for.
const LIFE: Duration = Duration::from_secs(60);
/// Longer than any clock is wrong by without somebody noticing.
const LONG_LIFE: Duration = Duration::from_hours(48);

/// One way to a relay.
#[derive(Debug, Clone)]
pub struct Way {
    /// Datagrams, a stream, a stream in TLS.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// What the certificate must name.
    pub name: String,
}

/// What credentials are made of.
pub struct Account {
    /// Shared with the relay.
    pub secret: Secret,
    /// Who asks.
    pub pseudonym: String,
}

impl Account {
    fn credentials(&self, now: Timestamp, life: Duration) -> (String, Secret) {
        let name = format!("{}:{}", now.plus(life).seconds(), self.pseudonym);
        let password = shared_secret_password(&self.secret, &name);
        (name, password)
    }
}

/// It works.
#[derive(Debug, Clone, Copy)]
pub struct Works {
    /// An address that was given.
    pub relayed: SocketAddr,
    /// There and back, in the middle of all.
    pub round_trip: Duration,
}

/// It does not.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody listens there.
    Closed,
    /// Nothing comes back.
    Silent,
    /// The machine does not even send.
    Unreachable(io::Error),
    /// The certificate is not good for the name.
    Certificate(String),
    /// TLS fails otherwise.
    Tls(io::Error),
    /// The credentials are refused.
    Credentials,
    /// They are taken when they are good for much longer.
    Clock,
    /// The relay refuses something.
    Refused(u16, String),
    /// Packets that were sent each way, and how many came.
    Lost(u32, u32),
    /// Anything else.
    Other(ClientError),
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Silence => Self::Silent,
            ClientError::Io(error) => error.into(),
            ClientError::Refused {
                code: code::UNAUTHORIZED,
                ..
            } => Self::Credentials,
            ClientError::Refused { code, reason } => Self::Refused(code, reason),
            other => Self::Other(other),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Closed,
            io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Unreachable(error),
        }
    }
}

/// Tries a way.
pub async fn probe(
    way: &Way,
    account: &Account,
    tls: &Arc<ClientConfig>,
    now: Timestamp,
) -> Result<Works, Trouble> {
    match attempt(way, account.credentials(now, LIFE), tls).await {
        Err(Trouble::Credentials) => {
            // Refused for their age, perhaps, by a clock that runs ahead of ours.
            let longer = account.credentials(now, LONG_LIFE);
            match attempt(way, longer, tls).await {
                Ok(_) => Err(Trouble::Clock),
                Err(_) => Err(Trouble::Credentials),
            }
        }
        outcome => outcome,
    }
}

async fn attempt(
    way: &Way,
    (name, password): (String, Secret),
    tls: &Arc<ClientConfig>,
) -> Result<Works, Trouble> {
    let client = async || {
        let link = connect(way, tls).await?;
        let (name, password) = (name.clone(), password.clone());
        Ok::<_, Trouble>(Client::new(link, name, password, random::fill))
    };
    let (mut one, mut other) = (client().await?, client().await?);
    let ones = one.allocate(None, None).await?.relayed;
    let others = other.allocate(None, None).await?.relayed;
    let outcome = converse((&mut one, ones), (&mut other, others)).await;
    // What was taken is given back, whatever came of it.
    let _ = one.refresh(0).await;
    let _ = other.refresh(0).await;
    Ok(Works {
        relayed: ones,
        round_trip: outcome?,
    })
}

async fn connect(way: &Way, tls: &Arc<ClientConfig>) -> Result<Link, Trouble> {
    if way.transport == Transport::Udp {
        let any: IpAddr = if way.address.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
        socket.connect(way.address).await?;
        return Ok(Link::Udp(socket));
    }
    let connected = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(way.address));
    let stream = connected.await.map_err(|_| Trouble::Silent)??;
    if way.transport == Transport::Tcp {
        return Ok(Link::Stream(Box::new(stream), Vec::new()));
    }
    let name = ServerName::try_from(way.name.clone())
        .map_err(|error| Trouble::Certificate(error.to_string()))?;
    let connector = TlsConnector::from(Arc::clone(tls));
    let shaken = tokio::time::timeout(CONNECT_WITHIN, connector.connect(name, stream)).await;
    let stream = shaken.map_err(|_| Trouble::Silent)?.map_err(of_tls)?;
    Ok(Link::Stream(Box::new(stream), Vec::new()))
}

fn of_tls(error: io::Error) -> Trouble {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => Trouble::Certificate(why.to_string()),
        _ => Trouble::Tls(error),
    }
}

/// Packets from one to the other and back; the middle of their times.
async fn converse(
    (one, ones): (&mut Client, SocketAddr),
    (other, others): (&mut Client, SocketAddr),
) -> Result<Duration, Trouble> {
    const CHANNEL: u16 = 0x4000;
    one.permit(&[others]).await?;
    other.bind(CHANNEL, ones).await?;
    let mut times = Vec::new();
    for number in 0..PACKETS {
        let begun = Instant::now();
        let packet = random::bytes::<32>();
        one.send(others, &packet).await?;
        let there = Incoming::Channel(CHANNEL, packet.to_vec());
        if !arrives(other, &there).await? {
            return Err(Trouble::Lost(number + 1, number));
        }
        other.send_on(CHANNEL, &packet).await?;
        let back = Incoming::Data(others, packet.to_vec());
        if !arrives(one, &back).await? {
            return Err(Trouble::Lost(number + 1, number));
        }
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

async fn arrives(client: &mut Client, expected: &Incoming) -> Result<bool, Trouble> {
    match tokio::time::timeout(PACKET_WITHIN, client.receive()).await {
        Ok(received) => Ok(received? == *expected),
        Err(_) => Ok(false),
    }
}
