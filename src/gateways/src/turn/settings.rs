//! What the relay is told.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use ipnet::IpNet;
use melo_domain::Secret;

/// Where the relay listens, what it relays and how much.
#[derive(Debug, Clone)]
pub struct TurnSettings {
    /// Names the credentials' space; part of what messages are signed with.
    pub realm: String,
    /// Makes passwords from names.
    pub secret: Secret,
    /// Listens for datagrams.
    pub udp: Vec<SocketAddr>,
    /// Listens for streams.
    pub tcp: Vec<SocketAddr>,
    /// Listens for streams in TLS.
    pub tls: Vec<SocketAddr>,
    /// Relayed addresses, one of a family at most.
    pub relays: Vec<RelayAddress>,
    /// Their ports.
    pub ports: RangeInclusive<u16>,
    /// Networks that are relayed to although they are not public.
    pub allowed: Vec<IpNet>,
    /// How much.
    pub limits: TurnLimits,
}

/// Where relayed datagrams come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayAddress {
    /// The address of this machine; may be unspecified.
    pub bind: IpAddr,
    /// The address that peers are told. Another one where the machine is behind a translator that hands all ports
    /// through.
    pub public: IpAddr,
}

/// How much is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnLimits {
    /// Allocations at once.
    pub allocations: usize,
    /// Those of one account.
    pub per_account: usize,
    /// Bytes per second of one account, both directions together. None: no limit.
    pub account_bandwidth: Option<NonZeroU64>,
    /// Of all together.
    pub total_bandwidth: Option<NonZeroU64>,
    /// Open streams.
    pub streams: usize,
    /// Those from one address.
    pub streams_per_address: usize,
}

/// Tells accounts apart; says nothing about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Account(pub u64);

/// The authority cannot say at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CannotSay;

/// Knows whose a pseudonym is.
#[async_trait]
pub trait Authority: Send + Sync + 'static {
    /// The account, as long as whoever got credentials for this pseudonym may relay. Asked for signed requests only, and
    /// again and again while an allocation lasts. When it cannot say, nothing changes.
    async fn account(&self, pseudonym: &str) -> Result<Option<Account>, CannotSay>;
}
