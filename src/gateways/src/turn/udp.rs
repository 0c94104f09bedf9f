//! Clients that send datagrams.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;

use super::Transport;
use super::allocation::Path;
use super::figures::Refusal;
use super::message::{Client, Outcome};
use super::relay::Relay;
use super::way::{Way, send_now};

/// The longest datagram.
const LONGEST: usize = 65_536;
/// How long to wait when the system has trouble of its own.
const AFTER_TROUBLE: Duration = Duration::from_millis(20);

/// Reads one socket for as long as the server runs. Data and refusals are dealt with at once; what has to be asked goes
/// into a task of its own, so that nobody waits for anybody.
pub(super) async fn serve(relay: Arc<Relay>, socket: Arc<UdpSocket>, listener: u16) {
    let mut buffer = vec![0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, client)) => receive(&relay, &socket, listener, client, &buffer[..length]),
            Err(error) => {
                tracing::debug!(%error, "receiving datagrams");
                tokio::time::sleep(AFTER_TROUBLE).await;
            }
        }
    }
}

fn receive(
    relay: &Arc<Relay>,
    socket: &Arc<UdpSocket>,
    listener: u16,
    client: SocketAddr,
    bytes: &[u8],
) {
    let path = Path { listener, client };
    match bytes.first().map(|first| first >> 6) {
        Some(0) => {}
        Some(1) => return relay.channel_data(&path, bytes),
        _ => return relay.counters.refused(Refusal::Malformed),
    }
    match relay.receive(bytes, &path) {
        Outcome::Silence => {}
        Outcome::Answer(answer) => {
            // Lost like any datagram: the client asks again.
            let _ = send_now(socket, &answer, client);
        }
        Outcome::Signed(identity) => {
            let Ok(place) = Arc::clone(&relay.requests).try_acquire_owned() else {
                return relay.counters.refused(Refusal::Dropped);
            };
            let client = Client {
                path,
                way: Way::Udp {
                    socket: Arc::clone(socket),
                    client,
                },
                transport: Transport::Udp,
            };
            let (relay, bytes) = (Arc::clone(relay), bytes.to_vec());
            tokio::spawn(async move {
                let answer = relay.request(&bytes, &identity, &client).await;
                if let Some(answer) = answer {
                    client.way.deliver(&answer);
                }
                drop(place);
            });
        }
    }
}
