//! The way back to a client.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};

/// Frames that wait for a slow stream; what is beyond is dropped, as a network would.
const QUEUE_FRAMES: usize = 512;
const QUEUE_BYTES: usize = 256 * 1024;

#[derive(Clone)]
pub(super) enum Way {
    Udp {
        socket: Arc<UdpSocket>,
        client: SocketAddr,
    },
    Stream(StreamQueue),
}

impl Way {
    /// Sends a message, or drops it when the client does not take it. Never waits.
    pub fn deliver(&self, message: &[u8]) -> bool {
        match self {
            Self::Udp { socket, client } => send_now(socket, message, *client).is_ok(),
            Self::Stream(queue) => queue.push(message),
        }
    }

    /// Ends a stream. Datagrams need no end.
    pub fn close(&self) {
        if let Self::Stream(queue) = self {
            queue.closed.notify_one();
        }
    }
}

/// Sends a datagram unless the machine's own queue is full.
pub(super) fn send_now(socket: &UdpSocket, message: &[u8], to: SocketAddr) -> io::Result<usize> {
    socket.try_send_to(message, to)
}

/// What waits to be written to a stream.
#[derive(Clone)]
pub(super) struct StreamQueue {
    frames: mpsc::Sender<Bytes>,
    waiting: Arc<AtomicUsize>,
    pub closed: Arc<Notify>,
}

/// The other end.
pub(super) struct StreamSource {
    frames: mpsc::Receiver<Bytes>,
    waiting: Arc<AtomicUsize>,
}

pub(super) fn stream_queue() -> (StreamQueue, StreamSource) {
    let (sender, frames) = mpsc::channel(QUEUE_FRAMES);
    let waiting = Arc::<AtomicUsize>::default();
    let queue = StreamQueue {
        frames: sender,
        waiting: Arc::clone(&waiting),
        closed: Arc::default(),
    };
    (queue, StreamSource { frames, waiting })
}

impl StreamQueue {
    fn push(&self, message: &[u8]) -> bool {
        // A stream's frames begin at multiples of four (RFC 8656, section 12.5).
        let padded = message.len().next_multiple_of(4);
        if self.waiting.load(Ordering::Relaxed) + padded > QUEUE_BYTES {
            return false;
        }
        let mut frame = Vec::with_capacity(padded);
        frame.extend_from_slice(message);
        frame.resize(padded, 0);
        self.waiting.fetch_add(padded, Ordering::Relaxed);
        let taken = self.frames.try_send(frame.into()).is_ok();
        if !taken {
            self.waiting.fetch_sub(padded, Ordering::Relaxed);
        }
        taken
    }
}

impl StreamSource {
    /// The next frame; `None` when nobody can send one any more.
    pub async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await?;
        self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        Some(frame)
    }

    /// The next frame, if it is there already.
    pub fn try_next(&mut self) -> Option<Bytes> {
        let frame = self.frames.try_recv().ok()?;
        self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        Some(frame)
    }
}
