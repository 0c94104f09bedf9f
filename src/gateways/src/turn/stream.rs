//! Clients that come over TCP, with TLS or without: for networks that let nothing else out.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use melo_domain::network_of;
use melo_stun::frame_length;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::Transport;
use super::allocation::Path;
use super::figures::Refusal;
use super::message::{Client, Outcome};
use super::relay::Relay;
use super::way::{StreamSource, Way, stream_queue};

/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a stream without an allocation may be silent.
const IDLE: Duration = Duration::from_secs(60);
/// How long a client may take to read what was written to it.
const WRITE_WITHIN: Duration = Duration::from_secs(20);
/// How much is read at once.
const READ: usize = 8 * 1024;
/// How long to wait when the system has trouble of its own: no more files, say.
const AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// Open streams, together and by address.
pub(super) struct Streams {
    open: Mutex<(usize, HashMap<IpAddr, usize>)>,
    limit: usize,
    per_address: usize,
}

impl Streams {
    pub fn new(limit: usize, per_address: usize) -> Self {
        Self {
            open: Mutex::default(),
            limit,
            per_address,
        }
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = network_of(address);
        let mut open = self.open.lock();
        let (all, by_address) = &mut *open;
        let here = by_address.entry(address).or_default();
        if *here >= self.per_address || *all >= self.limit {
            if *here == 0 {
                by_address.remove(&address);
            }
            return None;
        }
        *all += 1;
        *here += 1;
        Some(Place {
            streams: Arc::clone(self),
            address,
        })
    }
}

/// Given back when the stream ends.
struct Place {
    streams: Arc<Streams>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        let (all, by_address) = &mut *open;
        *all -= 1;
        if let Some(here) = by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// A listener, and what its streams are wrapped in.
pub(super) struct Listener {
    pub socket: TcpListener,
    pub number: u16,
    pub tls: Option<TlsAcceptor>,
    pub streams: Arc<Streams>,
}

/// Accepts streams for as long as the server runs.
pub(super) async fn serve(relay: Arc<Relay>, listener: Listener) {
    loop {
        let (stream, client) = match listener.socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "accepting streams");
                tokio::time::sleep(AFTER_TROUBLE).await;
                continue;
            }
        };
        let Some(place) = listener.streams.enter(client.ip()) else {
            relay.counters.refused(Refusal::Capacity);
            continue;
        };
        let path = Path {
            listener: listener.number,
            client,
        };
        // Media that waits to be sent together with what comes next is late.
        let _ = stream.set_nodelay(true);
        let relay = Arc::clone(&relay);
        match listener.tls.clone() {
            None => {
                tokio::spawn(async move {
                    talk(&relay, stream, path, Transport::Tcp).await;
                    drop(place);
                });
            }
            Some(tls) => {
                tokio::spawn(async move {
                    talk_in_tls(&relay, tls, stream, path).await;
                    drop(place);
                });
            }
        }
    }
}

async fn talk_in_tls(relay: &Arc<Relay>, tls: TlsAcceptor, stream: TcpStream, path: Path) {
    let shaken = tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await;
    match shaken {
        Ok(Ok(stream)) => Box::pin(talk(relay, stream, path, Transport::Tls)).await,
        _ => relay.counters.refused(Refusal::Malformed),
    }
}

async fn talk<S>(relay: &Arc<Relay>, stream: S, path: Path, transport: Transport)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (reading, writing) = tokio::io::split(stream);
    let (queue, source) = stream_queue();
    let closed = Arc::clone(&queue.closed);
    let client = Client {
        path,
        way: Way::Stream(queue),
        transport,
    };
    let ended = tokio::select! {
        ended = read(relay, reading, &client) => ended,
        ended = write(writing, source) => ended,
        () = told_to_close(&closed) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a stream ended");
    }
    relay.disconnected(&path);
}

async fn told_to_close(closed: &Notify) {
    closed.notified().await;
}

/// Reads frames until the client has nothing more to say.
async fn read(
    relay: &Arc<Relay>,
    mut reading: impl AsyncRead + Unpin,
    client: &Client,
) -> io::Result<()> {
    let mut received = BytesMut::new();
    loop {
        while let Some(frame) = frame_length(&received).map_err(io::Error::other)? {
            if received.len() < frame.padded {
                received.reserve(frame.padded - received.len());
                break;
            }
            handle(relay, &received[..frame.length], client).await;
            received.advance(frame.padded);
        }
        if received.is_empty() && received.capacity() > READ {
            // Gives back what one long frame took.
            received = BytesMut::new();
        }
        received.reserve(READ);
        let length = loop {
            match tokio::time::timeout(IDLE, reading.read_buf(&mut received)).await {
                Ok(length) => break length?,
                Err(_) if relay.allocation(&client.path).is_some() => {}
                Err(_) => return Ok(()),
            }
        };
        if length == 0 {
            return Ok(());
        }
    }
}

async fn handle(relay: &Arc<Relay>, frame: &[u8], client: &Client) {
    if frame.first().is_some_and(|first| first & 0xc0 == 0x40) {
        return relay.channel_data(&client.path, frame);
    }
    let answer = match relay.receive(frame, &client.path) {
        Outcome::Silence => None,
        Outcome::Answer(answer) => Some(answer),
        Outcome::Signed(identity) => relay.request(frame, &identity, client).await,
    };
    if let Some(answer) = answer
        && !client.way.deliver(&answer)
    {
        relay.counters.refused(Refusal::Dropped);
    }
}

/// Writes what waits until nobody can wait any more.
async fn write(mut writing: impl AsyncWrite + Unpin, mut source: StreamSource) -> io::Result<()> {
    while let Some(first) = source.next().await {
        let mut frame = Some(first);
        while let Some(now) = frame {
            timely(writing.write_all(&now)).await?;
            frame = source.try_next();
        }
        timely(writing.flush()).await?;
    }
    Ok(())
}

async fn timely(work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    tokio::time::timeout(WRITE_WITHIN, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
