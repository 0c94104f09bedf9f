//! Datagrams from one socket to another through something in between, as fast as they come out again.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Payload of a datagram: what WebRTC sends at most.
pub(super) const PAYLOAD: usize = 1200;
/// Datagrams on the way at once. More would not fit into a socket's buffer where the system's default stands, and what
/// is lost says nothing about the speed of what was not.
const WINDOW: u64 = 48;
/// Datagrams that have not come out after so long are lost.
const LOST_AFTER: Duration = Duration::from_millis(50);
/// How often a socket is woken to see whether it is over.
const LOOK: Duration = Duration::from_millis(50);

/// What went through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    pub datagrams: u64,
    pub lost: u64,
    pub took: Duration,
}

impl Passed {
    /// Megabits of payload in a second.
    pub fn mbit(&self) -> f64 {
        let bits = self.datagrams as f64 * (PAYLOAD * 8) as f64;
        bits / self.took.as_secs_f64() / 1e6
    }
}

/// Sends `message` on `from`, which is connected, for so long, and counts what arrives at `to`.
pub(super) fn through(
    from: &UdpSocket,
    message: &[u8],
    to: &UdpSocket,
    span: Duration,
) -> io::Result<Passed> {
    to.set_read_timeout(Some(LOOK))?;
    let (arrived, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    let (sent, lost) = std::thread::scope(|scope| {
        let receiving = scope.spawn(|| receive(to, &arrived, &over));
        let sent = send(from, message, &arrived, begun, span);
        over.store(true, Ordering::Relaxed);
        let received = receiving.join().map_err(|_| io::Error::other("a thread"))?;
        received?;
        sent
    })?;
    let datagrams = arrived.load(Ordering::Relaxed);
    Ok(Passed {
        datagrams,
        lost: lost.max(sent.saturating_sub(datagrams)),
        took: begun.elapsed().min(span),
    })
}

fn receive(to: &UdpSocket, arrived: &AtomicU64, over: &AtomicBool) -> io::Result<()> {
    let mut buffer = [0; 2048];
    while !over.load(Ordering::Relaxed) {
        match to.recv(&mut buffer) {
            Ok(PAYLOAD) => {
                arrived.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Keeps [`WINDOW`] datagrams on the way. Gives how many were sent, and how many never came out.
fn send(
    from: &UdpSocket,
    message: &[u8],
    arrived: &AtomicU64,
    begun: Instant,
    span: Duration,
) -> io::Result<(u64, u64)> {
    let (mut sent, mut lost) = (0_u64, 0_u64);
    let mut moved = (0, Instant::now());
    while begun.elapsed() < span {
        let out = arrived.load(Ordering::Relaxed);
        if out != moved.0 {
            moved = (out, Instant::now());
        }
        let waiting = sent.saturating_sub(lost).saturating_sub(out);
        if waiting < WINDOW {
            from.send(message)?;
            sent += 1;
        } else if moved.1.elapsed() > LOST_AFTER {
            lost += waiting;
            moved.1 = Instant::now();
        } else {
            std::thread::yield_now();
        }
    }
    Ok((sent, lost))
}

/// Forwards what comes to `at`, and does nothing else, until it is told that it is over: what a relay is compared
/// with.
pub(super) fn forward(at: &UdpSocket, out: &UdpSocket, over: &AtomicBool) -> io::Result<()> {
    at.set_read_timeout(Some(LOOK))?;
    let mut buffer = [0; 2048];
    while !over.load(Ordering::Relaxed) {
        match at.recv(&mut buffer) {
            Ok(length) => {
                out.send(&buffer[..length])?;
            }
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
