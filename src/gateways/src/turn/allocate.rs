//! Allocate (RFC 8656, section 7).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dashmap::Entry;
use melo_crypto::random;
use melo_domain::Timestamp;
use melo_stun::{Message, attribute, code};
use tokio::net::UdpSocket;

use super::allocation::{Allocation, Plan};
use super::authenticate::Identity;
use super::figures::Refusal;
use super::message::Granted;
use super::ports;
use super::relay::{RESERVED_FOR, Relay, Reservation};
use super::seats::{Seat, Taken};
use super::settings::RelayAddress;

/// What an allocation lasts when nothing else is asked for, and at least (RFC 8656, section 3.2).
const DEFAULT_LIFE: u32 = 600;
/// At most.
const LONGEST_LIFE: u32 = 3600;
/// The protocol number of UDP.
const UDP: u8 = 17;

/// A socket that was found for somebody.
struct Found {
    socket: UdpSocket,
    relayed: SocketAddr,
    seat: Seat,
    /// The port beside it is kept for whoever has this.
    token: Option<[u8; 8]>,
}

/// A refusal: its code and a word.
type Refused = (u16, &'static str);

const BAD_REQUEST: Refused = (code::BAD_REQUEST, "Bad Request");
const NO_CAPACITY: Refused = (code::INSUFFICIENT_CAPACITY, "Insufficient Capacity");

/// For how many seconds: what was asked for, within bounds, and never longer than the credentials are good.
pub(super) fn lifetime(message: &Message<'_>, identity: &Identity, now: Timestamp) -> u32 {
    let asked = message.number(attribute::LIFETIME).unwrap_or(DEFAULT_LIFE);
    let left = identity.expires.since(now).as_secs();
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    asked.clamp(DEFAULT_LIFE, LONGEST_LIFE).min(left)
}

impl Relay {
    pub(super) async fn allocate(self: &Arc<Self>, request: &Granted<'_>) -> Vec<u8> {
        if let Some(there) = self.allocation(&request.client.path) {
            return self.again(request, &there);
        }
        match self.find(request) {
            Ok(found) => self.settle(request, found).await,
            Err((code, reason)) => request.refuse(code, reason),
        }
    }

    /// There is one already: the same request gets the same answer, as the first may have been lost.
    fn again(&self, request: &Granted<'_>, there: &Allocation) -> Vec<u8> {
        let same = there.transaction == request.message.id()
            && there.pseudonym == request.identity.pseudonym;
        if !same {
            return request.refuse(code::ALLOCATION_MISMATCH, "Allocation Mismatch");
        }
        let left = there.expires().since(self.now()).as_secs();
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        success(request, there.relayed, left, None)
    }

    fn find(&self, request: &Granted<'_>) -> Result<Found, Refused> {
        let message = &request.message;
        match message.get(attribute::REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            Some([_, _, _, _]) => {
                return Err((
                    code::UNSUPPORTED_TRANSPORT,
                    "Unsupported Transport Protocol",
                ));
            }
            _ => return Err(BAD_REQUEST),
        }
        let family = message.get(attribute::REQUESTED_ADDRESS_FAMILY);
        let even = message.get(attribute::EVEN_PORT);
        if let Some(token) = message.get(attribute::RESERVATION_TOKEN) {
            if family.is_some() || even.is_some() {
                return Err(BAD_REQUEST);
            }
            return self.reserved(request, token);
        }
        let v4 = match family {
            None | Some([1, _, _, _]) => true,
            Some([2, _, _, _]) => false,
            Some([_, _, _, _]) => return Err(UNSUPPORTED_FAMILY),
            Some(_) => return Err(BAD_REQUEST),
        };
        let mut relays = self.settings.relays.iter();
        let relay = relays.find(|relay| relay.public.is_ipv4() == v4);
        let relay = *relay.ok_or(UNSUPPORTED_FAMILY)?;
        let next_too = match even {
            None => None,
            Some([flags]) => Some(flags & 0x80 != 0),
            Some(_) => return Err(BAD_REQUEST),
        };
        self.bind(request, relay, next_too)
    }

    fn seat(&self, request: &Granted<'_>) -> Result<Seat, Refused> {
        let taken = self.seats.take(request.account, request.client.transport);
        taken.map_err(|taken| match taken {
            Taken::Quota => {
                self.counters.refused(Refusal::Quota);
                (code::ALLOCATION_QUOTA_REACHED, "Allocation Quota Reached")
            }
            Taken::Capacity => {
                self.counters.refused(Refusal::Capacity);
                NO_CAPACITY
            }
        })
    }

    /// A new socket; `next_too`: on an even port, and whether the one beside it is to be kept.
    fn bind(
        &self,
        request: &Granted<'_>,
        relay: RelayAddress,
        next_too: Option<bool>,
    ) -> Result<Found, Refused> {
        let seat = self.seat(request)?;
        let range = &self.settings.ports;
        let bound = if next_too == Some(true) {
            let pair = ports::relay_pair(relay.bind, range);
            pair.map(|(first, second)| (first, Some(second)))
        } else {
            let one = ports::relay_socket(relay.bind, range, next_too.is_some());
            one.map(|socket| (socket, None))
        };
        let (socket, second) = bound.map_err(|error| {
            tracing::warn!(%error, "no port for a relayed address");
            self.counters.refused(Refusal::Capacity);
            NO_CAPACITY
        })?;
        let token = match second {
            Some(second) => Some(self.reserve(second, relay.public, self.seat(request)?)?),
            None => None,
        };
        Ok(Found {
            relayed: public_of(&socket, relay.public)?,
            socket,
            seat,
            token,
        })
    }

    fn reserve(&self, socket: UdpSocket, public: IpAddr, seat: Seat) -> Result<[u8; 8], Refused> {
        let token = random::bytes();
        let kept = Reservation {
            relayed: public_of(&socket, public)?,
            socket,
            seat,
            expires: self.now().plus(RESERVED_FOR),
        };
        self.reservations.lock().insert(token, kept);
        Ok(token)
    }

    /// What was kept for this token.
    fn reserved(&self, request: &Granted<'_>, token: &[u8]) -> Result<Found, Refused> {
        let token: [u8; 8] = token.try_into().map_err(|_| BAD_REQUEST)?;
        let mut reservations = self.reservations.lock();
        let mine = reservations.get(&token).is_some_and(|kept| {
            kept.seat.account() == request.account && kept.expires > self.now()
        });
        let kept = mine.then(|| reservations.remove(&token)).flatten();
        let kept = kept.ok_or(NO_CAPACITY)?;
        Ok(Found {
            socket: kept.socket,
            relayed: kept.relayed,
            seat: kept.seat,
            token: None,
        })
    }

    async fn settle(self: &Arc<Self>, request: &Granted<'_>, found: Found) -> Vec<u8> {
        // A new socket counts as writable once the runtime has looked at it: before that, the first packet
        // would be dropped.
        let writable = tokio::time::timeout(Duration::from_secs(1), found.socket.writable()).await;
        if !matches!(writable, Ok(Ok(()))) {
            return request.refuse(NO_CAPACITY.0, NO_CAPACITY.1);
        }
        let now = self.now();
        let seconds = lifetime(&request.message, request.identity, now);
        let allocation = Arc::new(Allocation::new(Plan {
            path: request.client.path,
            way: request.client.way.clone(),
            transaction: request.message.id(),
            pseudonym: request.identity.pseudonym.clone(),
            seat: found.seat,
            relayed: found.relayed,
            socket: found.socket,
            expires: now.plus(Duration::from_secs(seconds.into())),
        }));
        let reading = Arc::clone(self).read(Arc::clone(&allocation));
        allocation.read_by(tokio::spawn(reading).abort_handle());
        let by_relayed = Arc::clone(&allocation);
        self.by_relayed.insert(allocation.relayed, by_relayed);
        // Last: from here on it can be found, and so be ended.
        let there = match self.by_path.entry(request.client.path) {
            Entry::Occupied(there) => Some(Arc::clone(there.get())),
            Entry::Vacant(free) => {
                free.insert(Arc::clone(&allocation));
                None
            }
        };
        if let Some(there) = there {
            // The same request, sent twice, was faster.
            self.remove(&allocation, false);
            return self.again(request, &there);
        }
        // Asked again: a revocation since the first time found no allocation to end.
        let pseudonym = &request.identity.pseudonym;
        if self.authority.account(pseudonym).await != Ok(Some(request.account)) {
            self.remove(&allocation, false);
            return self.unauthorized(&request.message, request.client.path.client);
        }
        success(request, allocation.relayed, seconds, found.token)
    }
}

const UNSUPPORTED_FAMILY: Refused = (
    code::ADDRESS_FAMILY_NOT_SUPPORTED,
    "Address Family not Supported",
);

fn public_of(socket: &UdpSocket, public: IpAddr) -> Result<SocketAddr, Refused> {
    let local = socket.local_addr().map_err(|_| NO_CAPACITY)?;
    Ok(SocketAddr::new(public, local.port()))
}

fn success(
    request: &Granted<'_>,
    relayed: SocketAddr,
    seconds: u32,
    token: Option<[u8; 8]>,
) -> Vec<u8> {
    request.grant(|answer| {
        let answer = answer
            .put_address(attribute::XOR_RELAYED_ADDRESS, relayed)
            .put_number(attribute::LIFETIME, seconds)
            .put_address(attribute::XOR_MAPPED_ADDRESS, request.client.path.client);
        match token {
            Some(token) => answer.put(attribute::RESERVATION_TOKEN, &token),
            None => answer,
        }
    })
}
