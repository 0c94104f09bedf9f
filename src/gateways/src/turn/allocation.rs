//! One relayed address, who may send to it and under which names.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use melo_domain::Timestamp;
use melo_stun::TransactionId;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

use super::seats::Seat;
use super::way::Way;

/// How long a permission lasts (RFC 8656, section 9).
pub(super) const PERMISSION_LIFE: Duration = Duration::from_secs(300);
/// How long a channel lasts (RFC 8656, section 12).
pub(super) const CHANNEL_LIFE: Duration = Duration::from_secs(600);
/// How many there may be of each: far more than a call has peers.
const MOST: usize = 128;

/// What tells one client from another: where it comes in, and from where (the 5-tuple of RFC 8656, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Path {
    /// Which of our listeners.
    pub listener: u16,
    /// From where.
    pub client: SocketAddr,
}

/// How a peer's data is handed to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    Channel(u16),
    Data,
}

/// Why a permission or channel was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotGiven {
    /// Channel and peer belong to others.
    Conflict,
    /// There are too many.
    Full,
    /// The allocation has ended meanwhile.
    Gone,
}

struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Timestamp,
}

struct Inner {
    expires: Timestamp,
    permissions: Vec<(IpAddr, Timestamp)>,
    channels: Vec<Channel>,
}

pub(super) struct Allocation {
    pub path: Path,
    pub way: Way,
    /// Of the request that made it: the same request again gets the same answer.
    pub transaction: TransactionId,
    /// Whose credentials made it.
    pub pseudonym: Box<str>,
    pub seat: Seat,
    /// Where peers send to.
    pub relayed: SocketAddr,
    pub socket: UdpSocket,
    inner: Mutex<Inner>,
    /// Reads the socket; ended with the allocation.
    reader: OnceLock<AbortHandle>,
}

/// What an allocation is made of.
pub(super) struct Plan {
    pub path: Path,
    pub way: Way,
    pub transaction: TransactionId,
    pub pseudonym: Box<str>,
    pub seat: Seat,
    pub relayed: SocketAddr,
    pub socket: UdpSocket,
    pub expires: Timestamp,
}

impl Allocation {
    pub fn new(plan: Plan) -> Self {
        Self {
            path: plan.path,
            way: plan.way,
            transaction: plan.transaction,
            pseudonym: plan.pseudonym,
            seat: plan.seat,
            relayed: plan.relayed,
            socket: plan.socket,
            inner: Mutex::new(Inner {
                expires: plan.expires,
                permissions: Vec::new(),
                channels: Vec::new(),
            }),
            reader: OnceLock::new(),
        }
    }

    /// Hands over the task that reads the socket.
    pub fn read_by(&self, task: AbortHandle) {
        // Set once, by whoever made the allocation.
        let _ = self.reader.set(task);
    }

    /// Stops relaying. The socket is closed with the last reference.
    pub fn end(&self) {
        self.stop();
        self.way.close();
    }

    /// Stops relaying, and leaves the client its stream.
    pub fn stop(&self) {
        let mut inner = self.inner.lock();
        inner.expires = Timestamp::from_millis(i64::MIN);
        inner.permissions.clear();
        inner.channels.clear();
        drop(inner);
        if let Some(task) = self.reader.get() {
            task.abort();
        }
    }

    pub fn expires(&self) -> Timestamp {
        self.inner.lock().expires
    }

    /// Lasts until then; `false` when it has ended already.
    pub fn extend(&self, expires: Timestamp, now: Timestamp) -> bool {
        let mut inner = self.inner.lock();
        let lives = inner.expires > now;
        if lives {
            inner.expires = expires;
        }
        lives
    }

    /// Lets peers with these addresses in, all or none.
    pub fn permit(&self, peers: &[IpAddr], now: Timestamp) -> Result<(), NotGiven> {
        let mut inner = self.inner.lock();
        if inner.expires <= now {
            return Err(NotGiven::Gone);
        }
        inner.permissions.retain(|(_, expires)| *expires > now);
        let known = &inner.permissions;
        let mut new: Vec<IpAddr> = peers.to_vec();
        new.retain(|peer| !known.iter().any(|(ip, _)| ip == peer));
        new.sort_unstable();
        new.dedup();
        if known.len() + new.len() > MOST {
            return Err(NotGiven::Full);
        }
        let expires = now.plus(PERMISSION_LIFE);
        for (ip, until) in &mut inner.permissions {
            if peers.contains(ip) {
                *until = expires;
            }
        }
        inner
            .permissions
            .extend(new.into_iter().map(|ip| (ip, expires)));
        Ok(())
    }

    /// Gives a peer a channel, or refreshes it. The peer is let in by that as well.
    pub fn bind(&self, number: u16, peer: SocketAddr, now: Timestamp) -> Result<(), NotGiven> {
        {
            let mut inner = self.inner.lock();
            inner.channels.retain(|channel| channel.expires > now);
            let same = |channel: &Channel| channel.number == number && channel.peer == peer;
            let clash = |channel: &Channel| channel.number == number || channel.peer == peer;
            let expires = now.plus(CHANNEL_LIFE);
            if let Some(channel) = inner.channels.iter_mut().find(|channel| same(channel)) {
                channel.expires = expires;
            } else if inner.channels.iter().any(clash) {
                return Err(NotGiven::Conflict);
            } else if inner.channels.len() >= MOST {
                return Err(NotGiven::Full);
            } else {
                inner.channels.push(Channel {
                    number,
                    peer,
                    expires,
                });
            }
        }
        self.permit(&[peer.ip()], now)
    }

    /// Whether the client may send there without a channel.
    pub fn may_send(&self, peer: IpAddr, now: Timestamp) -> bool {
        let inner = self.inner.lock();
        let permissions = &inner.permissions;
        permissions
            .iter()
            .any(|(ip, until)| *ip == peer && *until > now)
    }

    /// The peer behind a channel.
    pub fn peer(&self, number: u16, now: Timestamp) -> Option<SocketAddr> {
        let inner = self.inner.lock();
        let mut channels = inner.channels.iter();
        channels
            .find(|channel| channel.number == number && channel.expires > now)
            .map(|channel| channel.peer)
    }

    /// How data of this peer reaches the client; `None` when it does not.
    pub fn admit(&self, peer: SocketAddr, now: Timestamp) -> Option<Admitted> {
        let inner = self.inner.lock();
        let permissions = &inner.permissions;
        if !permissions
            .iter()
            .any(|(ip, until)| *ip == peer.ip() && *until > now)
        {
            return None;
        }
        let mut channels = inner.channels.iter();
        let channel = channels.find(|channel| channel.peer == peer && channel.expires > now);
        Some(channel.map_or(Admitted::Data, |channel| Admitted::Channel(channel.number)))
    }
}
