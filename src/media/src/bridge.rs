//! A way to a relay over TCP or TLS, for a library that talks to relays in datagrams alone: what it sends to a port of
//! this machine goes to the relay in a stream, and back (RFC 8656, section 3.5). The messages are the same; only where
//! one ends and the next begins has to be told.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use melo_stun::{MAX_FRAME, RelayUrl, Transport, frame_length};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsConnector;

/// Streams of one bridge: the library has one socket here, and a new one after an ICE restart.
const STREAMS: usize = 4;
/// Datagrams that wait for the stream; beyond it they are dropped, as a network would.
const WAITING: usize = 256;
/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Leads to a relay for as long as it is there.
#[derive(Debug)]
pub struct Bridge {
    url: String,
    task: AbortHandle,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Bridge {
    /// Opens a port of this machine that leads to `relay`, which is reached when somebody sends there.
    pub async fn open(relay: RelayUrl, tls: Arc<rustls::ClientConfig>) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("turn:{}?transport=udp", socket.local_addr()?);
        let task = tokio::spawn(run(socket, Arc::new(relay), tls));
        Ok(Self {
            url,
            task: task.abort_handle(),
        })
    }

    /// Where to send to.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn run(socket: UdpSocket, relay: Arc<RelayUrl>, tls: Arc<rustls::ClientConfig>) {
    let socket = Arc::new(socket);
    let mut ways: HashMap<SocketAddr, mpsc::Sender<Bytes>> = HashMap::new();
    // Ends with this task, and its streams with it.
    let mut streams = JoinSet::new();
    let mut buffer = vec![0; MAX_FRAME];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                // Errors are those of datagrams sent before: somebody was not there.
                let Ok((length, from)) = received else { continue };
                if !from.ip().is_loopback() {
                    continue;
                }
                if !ways.contains_key(&from) {
                    ways.retain(|_, way| !way.is_closed());
                    if ways.len() >= STREAMS {
                        continue;
                    }
                    let (sender, receiver) = mpsc::channel(WAITING);
                    ways.insert(from, sender);
                    let (socket, relay, tls) = (Arc::clone(&socket), Arc::clone(&relay), Arc::clone(&tls));
                    streams.spawn(async move {
                        if let Err(error) = lead(&socket, from, receiver, &relay, tls).await {
                            tracing::debug!(kind = ?error.kind(), transport = relay.transport.as_str(), "a way to a relay has ended");
                        }
                    });
                }
                if let Some(way) = ways.get(&from)
                    && let Some(message) = framed(&buffer[..length])
                {
                    let _ = way.try_send(message);
                }
            }
            Some(_) = streams.join_next() => {
                // The next datagram makes a new connection.
                ways.retain(|_, way| !way.is_closed());
            }
        }
    }
}

/// The message as it stands on a stream: padded to four bytes. What is none is not sent: it would end the stream.
fn framed(message: &[u8]) -> Option<Bytes> {
    let frame = frame_length(message).ok().flatten()?;
    if message.len() < frame.length {
        return None;
    }
    let mut framed = message[..frame.length].to_vec();
    framed.resize(frame.padded, 0);
    Some(framed.into())
}

async fn lead(
    socket: &UdpSocket,
    from: SocketAddr,
    outgoing: mpsc::Receiver<Bytes>,
    relay: &RelayUrl,
    tls: Arc<rustls::ClientConfig>,
) -> io::Result<()> {
    let connecting = async {
        let stream = TcpStream::connect((relay.host.as_str(), relay.port)).await?;
        stream.set_nodelay(true)?;
        Ok::<_, io::Error>(stream)
    };
    let timeout = |_| io::Error::from(io::ErrorKind::TimedOut);
    let stream = tokio::time::timeout(CONNECT_WITHIN, connecting)
        .await
        .map_err(timeout)??;
    if relay.transport == Transport::Tls {
        let name = ServerName::try_from(relay.host.clone()).map_err(io::Error::other)?;
        let connecting = TlsConnector::from(tls).connect(name, stream);
        let stream = tokio::time::timeout(CONNECT_WITHIN, connecting)
            .await
            .map_err(timeout)??;
        pass(socket, from, outgoing, stream).await
    } else {
        pass(socket, from, outgoing, stream).await
    }
}

async fn pass(
    socket: &UdpSocket,
    from: SocketAddr,
    mut outgoing: mpsc::Receiver<Bytes>,
    stream: impl AsyncRead + AsyncWrite + Send,
) -> io::Result<()> {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let out = async {
        while let Some(message) = outgoing.recv().await {
            writing.write_all(&message).await?;
            // What has come meanwhile goes out in the same record.
            while let Ok(message) = outgoing.try_recv() {
                writing.write_all(&message).await?;
            }
            writing.flush().await?;
        }
        Ok::<_, io::Error>(())
    };
    let back = async {
        let mut received = Vec::new();
        loop {
            while let Some(frame) =
                frame_length(&received).map_err(|_| io::ErrorKind::InvalidData)?
                && received.len() >= frame.padded
            {
                // Nobody there any more: then nothing comes from there either.
                let _ = socket.send_to(&received[..frame.length], from).await;
                received.drain(..frame.padded);
            }
            if reading.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    };
    tokio::select! {
        ended = out => ended,
        ended = back => ended,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::ways::WayOptions;

    async fn bridge() -> (Bridge, UdpSocket, TcpListener) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let relay = RelayUrl {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            transport: Transport::Tcp,
        };
        let bridge = Bridge::open(relay, WayOptions::direct().unwrap().tls)
            .await
            .unwrap();
        let RelayUrl { host, port, .. } = RelayUrl::parse(bridge.url()).unwrap();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.connect((host.as_str(), port)).await.unwrap();
        (bridge, socket, listener)
    }

    #[tokio::test]
    async fn messages_keep_their_borders_in_both_directions() {
        let (_bridge, socket, listener) = bridge().await;
        // Five bytes in a channel: three of padding on a stream.
        let datagram = [0x40, 0, 0, 5, 1, 2, 3, 4, 5];
        socket.send(b"this is no message").await.unwrap();
        socket.send(&datagram).await.unwrap();
        let (mut relay, _) = listener.accept().await.unwrap();
        let mut padded = [9; 12];
        relay.read_exact(&mut padded).await.unwrap();
        assert_eq!(padded, [0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]);
        // Two at once, and the second in pieces.
        relay.write_all(&padded).await.unwrap();
        relay.write_all(&padded[..6]).await.unwrap();
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(buffer[..length], datagram);
        relay.write_all(&padded[6..]).await.unwrap();
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(buffer[..length], datagram);
    }

    #[tokio::test]
    async fn a_stream_that_ends_is_made_anew_and_ends_with_the_bridge() {
        let (bridge, socket, listener) = bridge().await;
        let datagram = [0x40, 0, 0, 4, 1, 2, 3, 4];
        socket.send(&datagram).await.unwrap();
        let (relay, _) = listener.accept().await.unwrap();
        drop(relay);
        // It takes a moment until the end is seen; a library sends again until there is an answer.
        let again = async {
            loop {
                socket.send(&datagram).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let mut relay = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            () = again => unreachable!(),
        };
        drop(bridge);
        let mut rest = Vec::new();
        relay.read_to_end(&mut rest).await.ok();
    }
}
