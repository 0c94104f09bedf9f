//! Starts listeners, and ends what is over.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use melo_domain::Clock;
use rustls::ServerConfig;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use super::Transport;
use super::figures::TurnFigures;
use super::peers::Reach;
use super::relay::Relay;
use super::settings::{Authority, TurnSettings};
use super::stream::{self, Listener, Streams};
use super::{ports, udp};

/// How often is looked for what has expired.
const SWEEP: Duration = Duration::from_secs(1);
/// After how many sweeps the authority is asked about everybody, and the interfaces are looked at.
const RECHECK_EVERY: u32 = 15;

/// An address that is not listened on.
#[derive(Debug)]
pub struct Unbound {
    /// For what.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    pub error: io::Error,
}

/// An address that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// For what.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// A relay that runs until it is dropped.
pub struct TurnServer {
    relay: Arc<Relay>,
    bound: Vec<Bound>,
    tasks: Vec<JoinHandle<()>>,
}

impl TurnServer {
    /// Listens wherever that is possible. `tls` is for the listeners of TLS.
    pub fn start(
        settings: TurnSettings,
        tls: Option<Arc<ServerConfig>>,
        authority: Arc<dyn Authority>,
        clock: Arc<dyn Clock>,
    ) -> (Self, Vec<Unbound>) {
        let limits = settings.limits;
        let streams = Arc::new(Streams::new(limits.streams, limits.streams_per_address));
        let wanted = Transport::ALL.map(|transport| match transport {
            Transport::Udp => (transport, settings.udp.clone()),
            Transport::Tcp => (transport, settings.tcp.clone()),
            Transport::Tls => (transport, settings.tls.clone()),
        });
        let relay = Arc::new(Relay::new(settings, authority, clock));
        match own_addresses() {
            Ok(own) => relay.peers.set_own(own),
            Err(error) => tracing::warn!(%error, "the addresses of this machine"),
        }
        let mut server = Self {
            relay: Arc::clone(&relay),
            bound: Vec::new(),
            tasks: vec![tokio::spawn(keep(relay))],
        };
        let tls = tls.map(TlsAcceptor::from);
        let mut unbound = Vec::new();
        for (transport, addresses) in wanted {
            for address in addresses {
                let listened = match (transport, &tls) {
                    (Transport::Udp, _) => server.listen_udp(address),
                    (Transport::Tcp, _) => server.listen_tcp(address, None, &streams),
                    (Transport::Tls, Some(tls)) => {
                        server.listen_tcp(address, Some(tls.clone()), &streams)
                    }
                    (Transport::Tls, None) => Err(io::Error::other("there is no certificate")),
                };
                match listened {
                    Ok(address) => server.bound.push(Bound { transport, address }),
                    Err(error) => unbound.push(Unbound {
                        transport,
                        address,
                        error,
                    }),
                }
            }
        }
        (server, unbound)
    }

    fn number(&self) -> u16 {
        u16::try_from(self.bound.len()).unwrap_or(u16::MAX)
    }

    fn listen_udp(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let socket: UdpSocket = ports::listen_udp(address)?;
        let address = socket.local_addr()?;
        let serving = udp::serve(Arc::clone(&self.relay), Arc::new(socket), self.number());
        self.tasks.push(tokio::spawn(serving));
        Ok(address)
    }

    fn listen_tcp(
        &mut self,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        streams: &Arc<Streams>,
    ) -> io::Result<SocketAddr> {
        let socket: TcpListener = ports::listen_tcp(address)?;
        let address = socket.local_addr()?;
        let listener = Listener {
            socket,
            number: self.number(),
            tls,
            streams: Arc::clone(streams),
        };
        let serving = stream::serve(Arc::clone(&self.relay), listener);
        self.tasks.push(tokio::spawn(serving));
        Ok(address)
    }

    /// Where it listens.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// Whether it would relay to that peer at this moment: of its own addresses, only to those that are somebody's.
    pub fn reaches(&self, peer: SocketAddr) -> bool {
        match self.relay.peers.reach(peer.ip()) {
            Reach::Outside => true,
            Reach::Relay => self.relay.by_relayed.contains_key(&peer),
            Reach::Forbidden => false,
        }
    }

    /// The counts of this moment.
    pub fn figures(&self) -> TurnFigures {
        self.relay.counters.figures()
    }

    /// Ends the allocations of these pseudonyms at once.
    pub fn revoke(&self, pseudonyms: &[String]) {
        self.relay
            .revoke(|pseudonym| pseudonyms.iter().any(|revoked| revoked == pseudonym));
    }

    /// Ends what has expired, as happens every second by itself.
    pub fn sweep(&self) {
        self.relay.sweep();
    }

    /// Asks the authority about everybody who has an allocation, as happens every quarter of a minute by itself.
    pub async fn recheck(&self) {
        self.relay.recheck().await;
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.relay.revoke(|_| true);
    }
}

/// Ends what is over.
async fn keep(relay: Arc<Relay>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        ticks.tick().await;
        relay.sweep();
        if count.is_multiple_of(RECHECK_EVERY) {
            // Asking the system may take a moment.
            match tokio::task::spawn_blocking(own_addresses).await {
                Ok(Ok(own)) => relay.peers.set_own(own),
                Ok(Err(error)) => tracing::warn!(%error, "the addresses of this machine"),
                Err(_) => {}
            }
            relay.recheck().await;
        }
        count = count.wrapping_add(1);
    }
}

/// The addresses of this machine's interfaces.
pub fn own_addresses() -> io::Result<HashSet<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces.iter().map(if_addrs::Interface::ip).collect())
}
