//! The relay itself: what all listeners share, and the way of data through it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use melo_crypto::random;
use melo_domain::{Clock, Timestamp};
use melo_stun::{Address, ChannelData, MAGIC_COOKIE, attribute};
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

use super::allocation::{Admitted, Allocation, Path};
use super::bandwidth::{Bucket, Uptime};
use super::figures::{Counters, Refusal};
use super::nonce::Nonces;
use super::peers::{Peers, Reach};
use super::seats::{Seat, Seats};
use super::settings::{Authority, TurnSettings};
use super::way::send_now;

/// Room in front of a payload for a Data indication with an IPv6 peer: header, address, header of the data.
const HEADROOM: usize = 20 + 24 + 4;
/// The longest datagram, with room for padding.
const BUFFER: usize = HEADROOM + 65_536 + 4;
/// Datagrams that one allocation reads before others have their turn.
const BATCH: usize = 32;
/// The type of a Data indication (RFC 8656, section 17).
const DATA_INDICATION: u16 = 0x0017;
/// Requests of datagrams that are being answered at once. What is beyond is dropped; clients ask again.
const REQUESTS: usize = 1024;

thread_local! {
    /// One for each thread of the runtime rather than one for each allocation.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into_boxed_slice());
}

/// A port that was kept beside another one for whoever has the token.
pub(super) struct Reservation {
    pub socket: UdpSocket,
    pub relayed: SocketAddr,
    pub seat: Seat,
    pub expires: Timestamp,
}

pub(super) struct Relay {
    pub settings: TurnSettings,
    pub authority: Arc<dyn Authority>,
    pub clock: Arc<dyn Clock>,
    pub nonces: Nonces,
    pub peers: Peers,
    pub seats: Arc<Seats>,
    pub counters: Arc<Counters>,
    pub by_path: DashMap<Path, Arc<Allocation>>,
    /// For data between two clients of this relay.
    pub by_relayed: DashMap<SocketAddr, Arc<Allocation>>,
    pub reservations: Mutex<std::collections::HashMap<[u8; 8], Reservation>>,
    pub requests: Arc<Semaphore>,
    total: Bucket,
    uptime: Uptime,
    /// Data indications have ids as well, though nobody answers them.
    indication_prefix: [u8; 4],
    indications: AtomicU64,
}

impl Relay {
    pub fn new(
        settings: TurnSettings,
        authority: Arc<dyn Authority>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let counters = Arc::<Counters>::default();
        let relays = settings.relays.iter().map(|relay| relay.public).collect();
        Self {
            nonces: Nonces::new(),
            peers: Peers::new(settings.allowed.clone(), relays),
            seats: Arc::new(Seats::new(&settings.limits, Arc::clone(&counters))),
            counters,
            by_path: DashMap::new(),
            by_relayed: DashMap::new(),
            reservations: Mutex::default(),
            requests: Arc::new(Semaphore::new(REQUESTS)),
            total: Bucket::new(settings.limits.total_bandwidth),
            uptime: Uptime::start(),
            indication_prefix: random::bytes(),
            indications: AtomicU64::new(random::u64()),
            settings,
            authority,
            clock,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn allocation(&self, path: &Path) -> Option<Arc<Allocation>> {
        self.by_path.get(path).map(|found| Arc::clone(&found))
    }

    /// Takes an allocation out and stops it. `close`: the client's stream is closed as well.
    pub fn remove(&self, allocation: &Arc<Allocation>, close: bool) {
        let same = |found: &Arc<Allocation>| Arc::ptr_eq(found, allocation);
        self.by_path
            .remove_if(&allocation.path, |_, found| same(found));
        self.by_relayed
            .remove_if(&allocation.relayed, |_, found| same(found));
        if close {
            allocation.end();
        } else {
            allocation.stop();
        }
    }

    /// What a client that has gone leaves behind.
    pub fn disconnected(&self, path: &Path) {
        if let Some(allocation) = self.allocation(path) {
            self.remove(&allocation, true);
        }
    }

    /// A client's data, from a channel.
    pub fn channel_data(&self, path: &Path, bytes: &[u8]) {
        let Some(data) = ChannelData::parse(bytes) else {
            return self.counters.refused(Refusal::Malformed);
        };
        // Data without an allocation is passed over in silence, as the standard wants it.
        let Some(allocation) = self.allocation(path) else {
            return;
        };
        if let Some(peer) = allocation.peer(data.channel, self.now()) {
            self.to_peer(&allocation, peer, data.payload);
        }
    }

    /// From a client to a peer whose address was judged when it was let in.
    pub fn to_peer(&self, allocation: &Allocation, peer: SocketAddr, payload: &[u8]) {
        if !self.has_bandwidth(allocation, payload.len()) {
            return self.counters.refused(Refusal::Dropped);
        }
        let sent = match self.peers.reach(peer.ip()) {
            Reach::Outside => send_now(&allocation.socket, payload, peer).is_ok(),
            Reach::Relay => {
                self.hand_over(allocation.relayed, peer, payload)
                    || (self.peers.is_allowed(peer.ip())
                        && send_now(&allocation.socket, payload, peer).is_ok())
            }
            // The machine has taken this address meanwhile.
            Reach::Forbidden => false,
        };
        if sent {
            let transport = allocation.seat.transport;
            self.counters.relayed(transport, payload.len());
        } else {
            self.counters.refused(Refusal::Dropped);
        }
    }

    /// To another client of this relay: without a socket, so that nothing else of this machine can be reached, and no
    /// translator in front of it has to turn packets round.
    fn hand_over(&self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> bool {
        let Some(other) = self.by_relayed.get(&to).map(|found| Arc::clone(&found)) else {
            return false;
        };
        SCRATCH.with_borrow_mut(|buffer| {
            let room = HEADROOM..HEADROOM + payload.len();
            let Some(place) = buffer.get_mut(room) else {
                return false;
            };
            place.copy_from_slice(payload);
            self.to_client(&other, from, buffer, payload.len());
            true
        })
    }

    /// Reads an allocation's socket for as long as the allocation lasts.
    pub async fn read(self: Arc<Self>, allocation: Arc<Allocation>) {
        while allocation.socket.readable().await.is_ok() {
            let full = SCRATCH.with_borrow_mut(|buffer| self.read_batch(&allocation, buffer));
            if full {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether there may be more.
    fn read_batch(&self, allocation: &Allocation, buffer: &mut [u8]) -> bool {
        for _ in 0..BATCH {
            let place = &mut buffer[HEADROOM..HEADROOM + 65_536];
            // An error is of one datagram: a peer's machine that said no, say.
            let Ok((length, peer)) = allocation.socket.try_recv_from(place) else {
                return false;
            };
            self.to_client(allocation, peer, buffer, length);
        }
        true
    }

    /// From a peer to a client. The payload lies behind [`HEADROOM`] and is not moved: what goes before it is written
    /// in front.
    fn to_client(
        &self,
        allocation: &Allocation,
        peer: SocketAddr,
        buffer: &mut [u8],
        length: usize,
    ) {
        let Some(admitted) = allocation.admit(peer, self.now()) else {
            return;
        };
        // After that: strangers must not use up what is there for the peers of a call.
        if !self.has_bandwidth(allocation, length) {
            return self.counters.refused(Refusal::Dropped);
        }
        let end = HEADROOM + length;
        let (begin, end) = match (admitted, u16::try_from(length)) {
            (Admitted::Channel(number), Ok(length)) => {
                let begin = HEADROOM - ChannelData::HEADER;
                buffer[begin..HEADROOM].copy_from_slice(&ChannelData::header(number, length));
                (begin, end)
            }
            (Admitted::Data, Ok(length)) => match self.data_indication(peer, buffer, length) {
                Some(range) => range,
                None => return self.counters.refused(Refusal::Dropped),
            },
            (_, Err(_)) => return self.counters.refused(Refusal::Dropped),
        };
        if allocation.way.deliver(&buffer[begin..end]) {
            self.counters.relayed(allocation.seat.transport, length);
        } else {
            self.counters.refused(Refusal::Dropped);
        }
    }

    /// Writes what goes around the payload (RFC 8656, section 11.3); where the message begins and ends.
    fn data_indication(
        &self,
        peer: SocketAddr,
        buffer: &mut [u8],
        length: u16,
    ) -> Option<(usize, usize)> {
        let mut id = [0; 12];
        id[..4].copy_from_slice(&self.indication_prefix);
        let number = self.indications.fetch_add(1, Ordering::Relaxed);
        id[4..].copy_from_slice(&number.to_be_bytes());

        let mut front = Vec::with_capacity(HEADROOM);
        front.extend_from_slice(&DATA_INDICATION.to_be_bytes());
        front.extend_from_slice(&[0, 0]);
        front.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        front.extend_from_slice(&id);
        front.extend_from_slice(&attribute::XOR_PEER_ADDRESS.to_be_bytes());
        front.extend_from_slice(&[0, if peer.is_ipv4() { 8 } else { 20 }]);
        Address(peer).write(id, &mut front);
        front.extend_from_slice(&attribute::DATA.to_be_bytes());
        front.extend_from_slice(&length.to_be_bytes());

        let begin = HEADROOM.checked_sub(front.len())?;
        let payload_end = HEADROOM + usize::from(length);
        let end = HEADROOM + usize::from(length).next_multiple_of(4);
        let attributes = u16::try_from(end - begin - melo_stun::HEADER).ok()?;
        front[2..4].copy_from_slice(&attributes.to_be_bytes());
        buffer[begin..HEADROOM].copy_from_slice(&front);
        buffer[payload_end..end].fill(0);
        Some((begin, end))
    }

    fn has_bandwidth(&self, allocation: &Allocation, bytes: usize) -> bool {
        let now = self.uptime.nanos();
        allocation.seat.holder.bandwidth.take(bytes, now) && self.total.take(bytes, now)
    }

    /// Ends what has expired.
    pub fn sweep(&self) {
        let now = self.now();
        let over: Vec<Arc<Allocation>> = self
            .by_path
            .iter()
            .filter(|found| found.expires() <= now)
            .map(|found| Arc::clone(&found))
            .collect();
        for allocation in over {
            self.remove(&allocation, true);
        }
        let mut reservations = self.reservations.lock();
        reservations.retain(|_, kept| kept.expires > now);
    }

    /// Ends the allocations of these pseudonyms.
    pub fn revoke(&self, is_revoked: impl Fn(&str) -> bool) {
        let over: Vec<Arc<Allocation>> = self
            .by_path
            .iter()
            .filter(|found| is_revoked(&found.pseudonym))
            .map(|found| Arc::clone(&found))
            .collect();
        for allocation in over {
            self.remove(&allocation, true);
        }
    }

    /// Asks the authority about every pseudonym that has an allocation, and ends those that it no longer knows: a
    /// revocation that was not heard of ends them all the same.
    pub async fn recheck(&self) {
        let mut asked = std::collections::HashSet::new();
        let all: Vec<Box<str>> = self
            .by_path
            .iter()
            .map(|found| found.pseudonym.clone())
            .collect();
        for pseudonym in all {
            if !asked.insert(pseudonym.clone()) {
                continue;
            }
            if self.authority.account(&pseudonym).await == Ok(None) {
                self.revoke(|one| one == &*pseudonym);
            }
        }
    }
}

/// How long a reserved port is kept (RFC 8656, section 7.2).
pub(super) const RESERVED_FOR: Duration = Duration::from_secs(30);
