//! What is asked of an allocation: Refresh (RFC 8656, section 8), CreatePermission (section 10), ChannelBind
//! (section 12).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use melo_stun::{Address, CHANNELS, attribute, code};

use super::allocate::lifetime;
use super::allocation::{Allocation, NotGiven};
use super::figures::Refusal;
use super::message::Granted;
use super::peers::Reach;
use super::relay::Relay;

impl Relay {
    /// The allocation that a request is about. `Err` is the answer.
    fn of(&self, request: &Granted<'_>) -> Result<Arc<Allocation>, Vec<u8>> {
        let Some(allocation) = self.allocation(&request.client.path) else {
            return Err(mismatch(request));
        };
        if allocation.expires() <= self.now() {
            return Err(mismatch(request));
        }
        if allocation.pseudonym != request.identity.pseudonym {
            return Err(request.refuse(code::WRONG_CREDENTIALS, "Wrong Credentials"));
        }
        Ok(allocation)
    }

    pub(super) fn refresh(&self, request: &Granted<'_>) -> Vec<u8> {
        let allocation = match self.of(request) {
            Ok(allocation) => allocation,
            Err(refusal) => return refusal,
        };
        let family = match request.message.get(attribute::REQUESTED_ADDRESS_FAMILY) {
            None => None,
            Some([1, _, _, _]) => Some(true),
            Some([2, _, _, _]) => Some(false),
            Some(_) => return request.refuse(code::BAD_REQUEST, "Bad Request"),
        };
        if family.is_some_and(|v4| allocation.relayed.is_ipv4() != v4) {
            return wrong_family(request);
        }
        let now = self.now();
        let seconds = if request.message.number(attribute::LIFETIME) == Some(0) {
            self.remove(&allocation, false);
            0
        } else {
            let seconds = lifetime(&request.message, request.identity, now);
            if !allocation.extend(now.plus(Duration::from_secs(seconds.into())), now) {
                return mismatch(request);
            }
            seconds
        };
        request.grant(|answer| answer.put_number(attribute::LIFETIME, seconds))
    }

    pub(super) fn create_permission(&self, request: &Granted<'_>) -> Vec<u8> {
        let allocation = match self.of(request) {
            Ok(allocation) => allocation,
            Err(refusal) => return refusal,
        };
        let id = request.message.id();
        let peers: Option<Vec<SocketAddr>> = request
            .message
            .attributes()
            .filter(|found| found.kind == attribute::XOR_PEER_ADDRESS)
            .map(|found| Address::read(found.value, id))
            .collect();
        let Some(peers) = peers.filter(|peers| !peers.is_empty()) else {
            return request.refuse(code::BAD_REQUEST, "Bad Request");
        };
        let addresses: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        for ip in &addresses {
            if let Some(refusal) = self.judge(request, &allocation, *ip) {
                return refusal;
            }
        }
        match allocation.permit(&addresses, self.now()) {
            Ok(()) => request.grant(|answer| answer),
            Err(why) => not_given(request, why),
        }
    }

    pub(super) fn channel_bind(&self, request: &Granted<'_>) -> Vec<u8> {
        let allocation = match self.of(request) {
            Ok(allocation) => allocation,
            Err(refusal) => return refusal,
        };
        let number = request.message.number(attribute::CHANNEL_NUMBER);
        let number = number.and_then(|number| u16::try_from(number >> 16).ok());
        let number = number.filter(|number| CHANNELS.contains(number));
        let peer = request.message.address(attribute::XOR_PEER_ADDRESS);
        let (Some(number), Some(peer)) = (number, peer) else {
            return request.refuse(code::BAD_REQUEST, "Bad Request");
        };
        if let Some(refusal) = self.judge(request, &allocation, peer.ip()) {
            return refusal;
        }
        match allocation.bind(number, peer, self.now()) {
            Ok(()) => request.grant(|answer| answer),
            Err(why) => not_given(request, why),
        }
    }

    /// The refusal of a peer that is not relayed to.
    fn judge(
        &self,
        request: &Granted<'_>,
        allocation: &Allocation,
        peer: IpAddr,
    ) -> Option<Vec<u8>> {
        if peer.is_ipv4() != allocation.relayed.is_ipv4() {
            return Some(wrong_family(request));
        }
        if self.peers.reach(peer) == Reach::Forbidden {
            self.counters.refused(Refusal::Forbidden);
            return Some(request.refuse(code::FORBIDDEN, "Forbidden"));
        }
        None
    }
}

fn mismatch(request: &Granted<'_>) -> Vec<u8> {
    request.refuse(code::ALLOCATION_MISMATCH, "Allocation Mismatch")
}

fn wrong_family(request: &Granted<'_>) -> Vec<u8> {
    request.refuse(
        code::PEER_ADDRESS_FAMILY_MISMATCH,
        "Peer Address Family Mismatch",
    )
}

fn not_given(request: &Granted<'_>, why: NotGiven) -> Vec<u8> {
    match why {
        NotGiven::Conflict => request.refuse(code::BAD_REQUEST, "Bad Request"),
        NotGiven::Full => request.refuse(code::INSUFFICIENT_CAPACITY, "Insufficient Capacity"),
        NotGiven::Gone => mismatch(request),
    }
}
