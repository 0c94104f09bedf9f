//! What goes through.

use super::*;
use melo_stun::client::Family;

/// There and back without a channel and with one, for any way in.
async fn loops_through(transport: Transport) {
    let world = World::new();
    let mut client = world.client("anna", transport).await;
    let allocated = client.allocate(None, None).await.unwrap();
    assert_eq!(allocated.relayed.ip(), LOOPBACK);
    assert_eq!(allocated.lifetime, Duration::from_secs(600));
    let peer = udp(LOOPBACK).await;
    let peer_address = peer.local_addr().unwrap();

    client.permit(&[peer_address]).await.unwrap();
    for payload in [&b""[..], b"1", b"12345", &[7; 1200], &[9; 9000]] {
        client.send(peer_address, payload).await.unwrap();
        assert_eq!(datagram(&peer).await, (payload.to_vec(), allocated.relayed));
        peer.send_to(payload, allocated.relayed).await.unwrap();
        let expected = Incoming::Data(peer_address, payload.to_vec());
        assert_eq!(incoming(&mut client).await, expected);
    }

    client.bind(0x4000, peer_address).await.unwrap();
    for payload in [&b"1"[..], b"12345", &[7; 1200], &[9; 9000]] {
        client.send_on(0x4000, payload).await.unwrap();
        assert_eq!(datagram(&peer).await, (payload.to_vec(), allocated.relayed));
        peer.send_to(payload, allocated.relayed).await.unwrap();
        let expected = Incoming::Channel(0x4000, payload.to_vec());
        assert_eq!(incoming(&mut client).await, expected);
    }
    let figures = world.server.figures().transports[transport as usize];
    assert_eq!((figures.live, figures.made), (1, 1));
    assert!(figures.bytes >= 2 * (2 * 10_205), "{figures:?}");

    client.refresh(0).await.unwrap();
    assert_eq!(refused(client.refresh(600).await), 437);
    world.until(|figures| figures.live() == 0).await;
}

#[tokio::test]
async fn data_goes_through_over_udp() {
    loops_through(Transport::Udp).await;
}

#[tokio::test]
async fn data_goes_through_over_tcp() {
    loops_through(Transport::Tcp).await;
}

#[tokio::test]
async fn data_goes_through_over_tls() {
    loops_through(Transport::Tls).await;
}

#[tokio::test]
async fn ipv6_clients_and_peers_are_relayed() {
    let world = World::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        let link = world.link(transport, false).await;
        let (name, password) = world.credentials("anna", Duration::from_hours(1));
        let mut client = Client::new(link, name, password, random::fill);
        let allocated = client.allocate(Some(Family::V6), None).await.unwrap();
        assert_eq!(allocated.relayed.ip(), LOOPBACK_V6);
        assert_eq!(allocated.mapped.ip(), LOOPBACK_V6);
        let peer = udp(LOOPBACK_V6).await;
        let peer_address = peer.local_addr().unwrap();
        client.permit(&[peer_address]).await.unwrap();
        client.send(peer_address, b"six").await.unwrap();
        assert_eq!(datagram(&peer).await, (b"six".to_vec(), allocated.relayed));
        peer.send_to(b"back", allocated.relayed).await.unwrap();
        let expected = Incoming::Data(peer_address, b"back".to_vec());
        assert_eq!(incoming(&mut client).await, expected);
        client.bind(0x4001, peer_address).await.unwrap();
        client.send_on(0x4001, b"short").await.unwrap();
        assert_eq!(datagram(&peer).await.0, b"short");
        // An address of the other family has no business there.
        let v4 = "127.0.0.1:9".parse().unwrap();
        assert_eq!(refused(client.permit(&[v4]).await), 443);
    }
}

#[tokio::test]
async fn stun_answers_everybody_over_everything() {
    let world = World::new();
    for (transport, v4) in [
        (Transport::Udp, true),
        (Transport::Udp, false),
        (Transport::Tcp, true),
        (Transport::Tcp, false),
        (Transport::Tls, true),
    ] {
        let link = world.link(transport, v4).await;
        let mut stranger = Client::new(
            link,
            String::new(),
            Secret::new(String::new()),
            random::fill,
        );
        let mapped = stranger.binding().await.unwrap();
        assert_eq!(mapped.is_ipv4(), v4);
        assert!(mapped.ip().is_loopback());
    }
    assert_eq!(world.live(), 0);
}

/// Both sides of a call behind the relay: one allocation sends to the other, as both are let in.
#[tokio::test]
async fn two_clients_of_the_relay_reach_each_other() {
    let mut settings = settings();
    // Nothing of this machine is allowed but the relay's own allocations.
    settings.allowed = Vec::new();
    let world = World::with(settings);
    for (one, other) in [
        (Transport::Udp, Transport::Udp),
        (Transport::Tcp, Transport::Tls),
    ] {
        let mut anna = world.client("anna", one).await;
        let mut boris = world.client("boris", other).await;
        let annas = anna.allocate(None, None).await.unwrap().relayed;
        let boriss = boris.allocate(None, None).await.unwrap().relayed;
        anna.permit(&[boriss]).await.unwrap();
        // Boris has not let Anna in: the first is lost.
        anna.send(boriss, b"too early").await.unwrap();
        boris.bind(0x4ABC, annas).await.unwrap();
        anna.send(boriss, b"hello").await.unwrap();
        let expected = Incoming::Channel(0x4ABC, b"hello".to_vec());
        assert_eq!(incoming(&mut boris).await, expected);
        boris.send_on(0x4ABC, b"hi").await.unwrap();
        assert_eq!(
            incoming(&mut anna).await,
            Incoming::Data(boriss, b"hi".to_vec())
        );
    }
}

#[tokio::test]
async fn the_machine_behind_the_relays_address_is_not_reached() {
    let mut settings = settings();
    settings.allowed = Vec::new();
    let world = World::with(settings);
    let service = udp(LOOPBACK).await;
    let mut anna = world.client("anna", Transport::Udp).await;
    let mut boris = world.client("boris", Transport::Udp).await;
    anna.allocate(None, None).await.unwrap();
    boris.allocate(None, None).await.unwrap();
    let target = service.local_addr().unwrap();
    // The permission is for the address, which is the relay's own; the port behind it is nobody's.
    anna.permit(&[target]).await.unwrap();
    anna.bind(0x4000, target).await.unwrap();
    let before = world.server.figures().dropped;
    anna.send(target, b"secret port").await.unwrap();
    anna.send_on(0x4000, b"secret port").await.unwrap();
    world.until(|figures| figures.dropped == before + 2).await;
    // What would have come is there by now: the socket's own datagram is the first it gets.
    service.send_to(b"mine", target).await.unwrap();
    assert_eq!(datagram(&service).await.0, b"mine");
}

#[tokio::test]
async fn a_pair_of_ports_is_kept_for_whoever_has_the_token() {
    use melo_stun::{Class, Message, Method, Writer, attribute};
    let world = World::new();
    // By hand: no client of ours asks for pairs.
    let mut first = Raw::new(&world, "anna").await;
    let answer = first
        .ask(Method::ALLOCATE, |request| {
            request
                .put_number(attribute::REQUESTED_TRANSPORT, 17 << 24)
                .put(attribute::EVEN_PORT, &[0x80])
        })
        .await;
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.class, Class::Success);
    let relayed = message.address(attribute::XOR_RELAYED_ADDRESS).unwrap();
    assert_eq!(relayed.port() % 2, 0);
    let token = message.get(attribute::RESERVATION_TOKEN).unwrap().to_vec();
    // Both count.
    assert_eq!(world.live(), 2);

    let with_token = |request: Writer| {
        request
            .put_number(attribute::REQUESTED_TRANSPORT, 17 << 24)
            .put(attribute::RESERVATION_TOKEN, &token)
    };
    let mut stranger = Raw::new(&world, "boris").await;
    let answer = stranger.ask(Method::ALLOCATE, with_token).await;
    assert_eq!(Message::parse(&answer).unwrap().error_code(), Some(508));
    let mut second = Raw::new(&world, "anna").await;
    let answer = second.ask(Method::ALLOCATE, with_token).await;
    let message = Message::parse(&answer).unwrap();
    let next = message.address(attribute::XOR_RELAYED_ADDRESS).unwrap();
    assert_eq!(next.port(), relayed.port() + 1);
    assert_eq!(world.live(), 2);
}

/// A client whose requests are written by hand.
pub(super) struct Raw {
    socket: UdpSocket,
    name: String,
    key: melo_stun::Key,
    nonce: Vec<u8>,
}

impl Raw {
    pub async fn new(world: &World, whom: &str) -> Self {
        use melo_stun::{Class, Message, Method, Writer, attribute};
        let socket = udp(LOOPBACK).await;
        let to = world.address(Transport::Udp, true);
        socket.connect(to).await.unwrap();
        let ask = Writer::new(Class::Request, Method::ALLOCATE, [0; 12]).finish();
        socket.send(&ask).await.unwrap();
        let (answer, _) = datagram(&socket).await;
        let challenge = Message::parse(&answer).unwrap();
        assert_eq!(challenge.error_code(), Some(401));
        let nonce = challenge.get(attribute::NONCE).unwrap().to_vec();
        let (name, password) = world.credentials(whom, Duration::from_hours(1));
        Self {
            socket,
            key: melo_stun::long_term_key(&name, "melo", &password),
            name,
            nonce,
        }
    }

    pub fn sign(
        &self,
        method: melo_stun::Method,
        fill: impl FnOnce(melo_stun::Writer) -> melo_stun::Writer,
    ) -> Vec<u8> {
        use melo_stun::{Class, Writer, attribute};
        fill(Writer::new(Class::Request, method, random::bytes()))
            .put(attribute::USERNAME, self.name.as_bytes())
            .put(attribute::REALM, b"melo")
            .put(attribute::NONCE, &self.nonce)
            .sign(&self.key)
            .finish()
    }

    pub async fn ask(
        &mut self,
        method: melo_stun::Method,
        fill: impl FnOnce(melo_stun::Writer) -> melo_stun::Writer,
    ) -> Vec<u8> {
        let request = self.sign(method, fill);
        self.exchange(&request).await
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.socket.send(bytes).await.unwrap();
    }

    pub async fn exchange(&mut self, request: &[u8]) -> Vec<u8> {
        self.send(request).await;
        datagram(&self.socket).await.0
    }
}
