//! Servers with a relay for calls, and clients of it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use melo_domain::Secret;
use melo_stun::client::{Client, Incoming, Link};
use serde_json::Value;
use tokio::net::{TcpStream, UdpSocket};

use crate::people::Device;
use crate::server::Server;
use crate::shape::Fields as _;
use crate::{PATIENCE, tls};

/// A server with a relay, on ports of its own.
#[derive(Debug)]
pub struct RelayServer {
    /// The server.
    pub server: Server,
    /// UDP and TCP.
    pub port: u16,
    /// TLS.
    pub tls_port: u16,
    settings: Vec<(String, String)>,
}

impl RelayServer {
    /// With these settings besides.
    pub async fn with(more: &[(&str, &str)]) -> Self {
        let (port, tls_port) = (free_port(), free_port());
        let mut settings = vec![
            ("TURN_MODE".to_owned(), "embedded".to_owned()),
            ("TURN_PORT".to_owned(), port.to_string()),
            ("TURN_TLS_PORT".to_owned(), tls_port.to_string()),
            ("TURN_RELAY_PORTS".to_owned(), "20000-59999".to_owned()),
        ];
        settings.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let pairs: Vec<(&str, &str)> = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Self {
            server: Server::with(&pairs).await,
            port,
            tls_port,
            settings,
        }
    }

    /// `melo doctor calls` with the settings of this server, and others on top.
    pub fn doctor(&self, more: &[(&str, &str)]) -> (String, bool) {
        let mut settings: Vec<(&str, &str)> = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        settings.push(("BIND_ADDRESS", "127.0.0.1"));
        settings.extend(more);
        let done = self.server.melo_with(&["doctor", "calls"], &settings);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        (said, done.status.success())
    }

    /// What somebody should use now: name and password.
    pub async fn credentials(&self, device: &Device) -> (String, Secret) {
        let answer = device.get("/ice_servers").await.ok();
        let listed = answer.list("ice_servers");
        let relay = listed
            .iter()
            .find(|server| server["username"].is_string())
            .expect("a relay");
        (
            relay.text("username"),
            Secret::new(relay.text("credential")),
        )
    }

    /// Somebody's way to the relay: `udp`, `tcp` or `tls`.
    pub async fn client(&self, device: &Device, transport: &str) -> Client {
        let credentials = self.credentials(device).await;
        self.client_with(credentials, transport).await
    }

    /// With these credentials.
    pub async fn client_with(
        &self,
        (username, password): (String, Secret),
        transport: &str,
    ) -> Client {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let link = match transport {
            "udp" => {
                let socket = UdpSocket::bind(at(0)).await.expect("a socket");
                socket.connect(at(self.port)).await.expect("an address");
                Link::Udp(socket)
            }
            "tcp" => {
                let stream = TcpStream::connect(at(self.port)).await;
                Link::Stream(Box::new(stream.expect("a connection")), Vec::new())
            }
            _ => {
                let stream = self.server.site().tls.connect(self.tls_port).await;
                let stream: tls::Stream = stream.expect("a connection");
                Link::Stream(Box::new(stream), Vec::new())
            }
        };
        Client::new(link, username, password, fill)
    }

    /// Allocations since the start, by transport.
    pub async fn made(&self, admin: &Device) -> BTreeMap<String, u64> {
        let figures = admin.get("/admin/figures").await.ok();
        let transports = figures["relay"]["transports"].as_object().cloned();
        let made = transports.into_iter().flatten();
        made.map(|(name, figures)| {
            (
                name,
                figures["allocations_total"].as_u64().expect("a number"),
            )
        })
        .collect()
    }

    /// Waits until the relay holds so many allocations.
    pub async fn holds(&self, admin: &Device, count: u64) {
        let waiting = async {
            loop {
                let figures = admin.get("/admin/figures").await.ok();
                let transports = figures["relay"]["transports"].as_object().cloned();
                let live: u64 = transports
                    .iter()
                    .flat_map(|transports| transports.values())
                    .filter_map(|transport| transport["allocations"].as_u64())
                    .sum();
                if live == count {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "the relay does not come to {count}");
    }
}

/// What the next peer sends.
pub async fn incoming(client: &mut Client) -> Incoming {
    let received = tokio::time::timeout(PATIENCE, client.receive()).await;
    received.expect("data").expect("data")
}

/// The URLs of an answer of GET /ice_servers.
pub fn urls(answer: &Value) -> Vec<String> {
    answer
        .list("ice_servers")
        .iter()
        .map(|server| server.text("urls"))
        .collect()
}

fn fill(bytes: &mut [u8]) {
    // Ids that nobody else has are all that a client needs here.
    for chunk in bytes.chunks_mut(8) {
        let number = crate::unique::number().to_be_bytes();
        chunk.copy_from_slice(&number[8 - chunk.len()..]);
    }
}

/// A port that was free a moment ago, for TCP at least.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
