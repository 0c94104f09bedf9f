//! Bytes that nobody meant well. From a seeded generator: MELO_TURN_SEED repeats a run that failed.

use melo_stun::{Class, Message, Method, Writer, attribute};
use tokio::io::AsyncWriteExt;

use super::data::Raw;
use super::*;

/// SplitMix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn new(salt: u64) -> Self {
        let seed = std::env::var("MELO_TURN_SEED").ok();
        let seed = seed
            .and_then(|seed| seed.parse().ok())
            .unwrap_or(0x6D65_6C6F);
        Self(seed ^ salt)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// One of the ways in which a message goes wrong.
    fn spoil(&mut self, message: &[u8]) -> Vec<u8> {
        let mut bytes = message.to_vec();
        match self.below(7) {
            0 => bytes.truncate(self.below(message.len() + 1)),
            1 => {
                for _ in 0..=self.below(8) {
                    let at = self.below(bytes.len());
                    bytes[at] = self.next().to_le_bytes()[0];
                }
            }
            2 => {
                let at = 2 + self.below(2);
                bytes[at] ^= 1 << self.below(8);
            }
            3 => {
                let more = self.below(40);
                let more = self.bytes(more);
                bytes.extend_from_slice(&more);
            }
            4 if bytes.len() > 24 => {
                // The length of the first attribute.
                bytes[22] = self.next().to_le_bytes()[0];
                bytes[23] = self.next().to_le_bytes()[0];
            }
            5 => {
                let length = self.below(1500);
                bytes = self.bytes(length);
            }
            _ => {
                let length = self.below(64);
                let mut data = self.bytes(length);
                if let Some(first) = data.first_mut() {
                    *first = 0x40 | (*first & 0x0f);
                }
                bytes = data;
            }
        }
        bytes
    }

    fn signed(&mut self, raw: &Raw) -> Vec<u8> {
        const METHODS: [Method; 5] = [
            Method::ALLOCATE,
            Method::REFRESH,
            Method::CREATE_PERMISSION,
            Method::CHANNEL_BIND,
            Method::BINDING,
        ];
        let method = METHODS[self.below(METHODS.len())];
        raw.sign(method, |mut request| {
            for _ in 0..self.below(5) {
                let kind = [
                    attribute::LIFETIME,
                    attribute::XOR_PEER_ADDRESS,
                    attribute::CHANNEL_NUMBER,
                    attribute::REQUESTED_TRANSPORT,
                    attribute::EVEN_PORT,
                    attribute::RESERVATION_TOKEN,
                    attribute::REQUESTED_ADDRESS_FAMILY,
                    attribute::DATA,
                    u16::from_le_bytes([self.next().to_le_bytes()[0], 0]),
                ][self.below(9)];
                let length = self.below(24);
                let value = self.bytes(length);
                request = request.put(kind, &value);
            }
            request
        })
    }
}

/// It still serves, and nothing is left behind.
async fn still_serves(world: &World) {
    let mut client = world.client("vera", Transport::Udp).await;
    client.allocate(None, None).await.unwrap();
    client.refresh(0).await.unwrap();
    world
        .server
        .revoke(&["anna".to_owned(), "boris".to_owned()]);
    // Ports that were reserved are given back after half a minute.
    world.clock.advance(Duration::from_secs(31));
    world.server.sweep();
    world.until(|figures| figures.live() == 0).await;
}

#[tokio::test]
async fn datagrams_of_any_bytes_are_survived() {
    let world = World::new();
    let mut chance = Chance::new(1);
    let raw = Raw::new(&world, "anna").await;
    let to = world.address(Transport::Udp, true);
    let socket = udp(LOOPBACK).await;
    for round in 0..4000 {
        let whole = chance.signed(&raw);
        let bytes = chance.spoil(&whole);
        socket.send_to(&bytes, to).await.unwrap();
        if round % 100 == 0 {
            // Does not run ahead of the server: datagrams that are lost try nothing.
            let mut client = world.client("boris", Transport::Udp).await;
            client.binding().await.unwrap();
        }
    }
    let figures = world.server.figures();
    assert!(figures.malformed > 500, "{figures:?}");
    still_serves(&world).await;
}

/// With good credentials: what is behind the signature is tried as well.
#[tokio::test]
async fn signed_nonsense_is_answered() {
    let world = World::new();
    let mut chance = Chance::new(2);
    let mut raw = Raw::new(&world, "anna").await;
    let mut granted = 0;
    for _ in 0..1500 {
        let request = chance.signed(&raw);
        let answer = raw.exchange(&request).await;
        let answer = Message::parse(&answer).unwrap();
        granted += usize::from(answer.class == Class::Success);
        assert!(answer.class == Class::Success || answer.error_code().is_some());
    }
    assert!(granted > 0);
    still_serves(&world).await;
}

#[tokio::test]
async fn streams_of_any_bytes_are_survived() {
    let world = World::new();
    let mut chance = Chance::new(3);
    let raw = Raw::new(&world, "anna").await;
    for _ in 0..200 {
        let mut stream = TcpStream::connect(world.address(Transport::Tcp, true))
            .await
            .unwrap();
        for _ in 0..chance.below(6) {
            let whole = chance.signed(&raw);
            let bytes = match chance.below(3) {
                0 => whole,
                _ => chance.spoil(&whole),
            };
            if stream.write_all(&bytes).await.is_err() {
                break;
            }
        }
    }
    still_serves(&world).await;
}

#[tokio::test]
async fn indications_and_answers_that_nobody_asked_for_are_not_answered() {
    let world = World::new();
    let raw = Raw::new(&world, "anna").await;
    let mut raw = raw;
    let peer: SocketAddr = "127.0.0.1:9".parse().unwrap();
    for class in [Class::Indication, Class::Success, Class::Error] {
        for number in 0..16 {
            let message = Writer::new(class, Method(number), [7; 12])
                .put_address(attribute::XOR_PEER_ADDRESS, peer)
                .put(attribute::DATA, b"data")
                .finish();
            raw.send(&message).await;
        }
    }
    // The first answer is to the request behind them.
    let request = raw.sign(Method::REFRESH, |request| request);
    let answer = raw.exchange(&request).await;
    assert_eq!(Message::parse(&answer).unwrap().error_code(), Some(437));
}
