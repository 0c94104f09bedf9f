//! The client's half: asks for a relayed address and talks through it. For checks, measurements and tests; calls use
//! the TURN client of their WebRTC library.

mod link;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use melo_domain::Secret;

use crate::attributes::attribute;
use crate::channel_data::ChannelData;
use crate::credentials::{Key, long_term_key};
use crate::integrity::Integrity;
use crate::message::{Class, Malformed, Message, Method, TransactionId};
use crate::write::Writer;
use crate::{code, frame};

pub use link::{Link, Stream};

/// How long an answer may take, resending included.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// When a request over UDP is sent again for the first time (RFC 8489, section 6.2.1).
const RESEND_AFTER: Duration = Duration::from_millis(500);
/// How many messages from peers are kept while an answer is waited for.
const KEPT: usize = 1024;
/// The number of UDP (RFC 8656, section 18.8).
const UDP: u32 = 17 << 24;

/// Why it did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The way to the server.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing came back.
    #[error("no answer within {} seconds", ANSWER_WITHIN.as_secs())]
    Silence,
    /// The server said no.
    #[error("refused with {code} {reason}")]
    Refused {
        /// See [`crate::code`].
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// What came back is not an answer.
    #[error("the answer is malformed")]
    Malformed(#[from] Malformed),
    /// What came back was not written by who knows the password.
    #[error("the answer is not signed with these credentials")]
    Forged,
}

impl ClientError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Which addresses are relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What a server gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocated {
    /// Where peers send to.
    pub relayed: SocketAddr,
    /// Where the server sees the client.
    pub mapped: SocketAddr,
    /// For how long, unless it is refreshed.
    pub lifetime: Duration,
}

/// What a peer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// Without a channel.
    Data(SocketAddr, Vec<u8>),
    /// On a channel.
    Channel(u16, Vec<u8>),
}

/// A conversation with a server.
pub struct Client {
    link: Link,
    random: fn(&mut [u8]),
    username: String,
    password: Secret,
    realm: String,
    nonce: String,
    key: Option<Key>,
    kept: VecDeque<Incoming>,
}

impl Client {
    /// Over this way, with these credentials. `random` fills with random bytes.
    pub fn new(link: Link, username: String, password: Secret, random: fn(&mut [u8])) -> Self {
        Self {
            link,
            random,
            username,
            password,
            realm: String::new(),
            nonce: String::new(),
            key: None,
            kept: VecDeque::new(),
        }
    }

    /// Other credentials from now on, as after they were asked for anew.
    pub fn replace_credentials(&mut self, username: String, password: Secret) {
        self.key = Some(long_term_key(&username, &self.realm, &password));
        self.username = username;
        self.password = password;
    }

    /// The way, for whoever goes on by hand.
    pub fn into_link(self) -> Link {
        self.link
    }

    /// Where the server sees us.
    pub async fn binding(&mut self) -> Result<SocketAddr, ClientError> {
        let id = self.transaction();
        let request = Writer::new(Class::Request, Method::BINDING, id)
            .fingerprint()
            .finish();
        let answer = self.exchange(id, &request).await?;
        let answer = granted(&answer)?;
        Ok(answer
            .address(attribute::XOR_MAPPED_ADDRESS)
            .ok_or(Malformed)?)
    }

    /// Asks for a relayed address. `lifetime` in seconds; none: what the server gives by itself.
    pub async fn allocate(
        &mut self,
        family: Option<Family>,
        lifetime: Option<u32>,
    ) -> Result<Allocated, ClientError> {
        let answer = self
            .request(Method::ALLOCATE, &|mut request| {
                request = request.put_number(attribute::REQUESTED_TRANSPORT, UDP);
                if let Some(family) = family {
                    let family = match family {
                        Family::V4 => 1 << 24,
                        Family::V6 => 2 << 24,
                    };
                    request = request.put_number(attribute::REQUESTED_ADDRESS_FAMILY, family);
                }
                match lifetime {
                    Some(seconds) => request.put_number(attribute::LIFETIME, seconds),
                    None => request,
                }
            })
            .await?;
        let answer = Message::parse(&answer)?;
        let address = |kind| answer.address(kind).ok_or(Malformed);
        let lifetime = answer.number(attribute::LIFETIME).ok_or(Malformed)?;
        Ok(Allocated {
            relayed: address(attribute::XOR_RELAYED_ADDRESS)?,
            mapped: address(attribute::XOR_MAPPED_ADDRESS)?,
            lifetime: Duration::from_secs(lifetime.into()),
        })
    }

    /// Keeps the allocation for so many seconds more, or gives it back with 0.
    pub async fn refresh(&mut self, lifetime: u32) -> Result<Duration, ClientError> {
        let answer = self
            .request(Method::REFRESH, &|request| {
                request.put_number(attribute::LIFETIME, lifetime)
            })
            .await?;
        let answer = Message::parse(&answer)?;
        let given = answer.number(attribute::LIFETIME).ok_or(Malformed)?;
        Ok(Duration::from_secs(given.into()))
    }

    /// Lets these peers in.
    pub async fn permit(&mut self, peers: &[SocketAddr]) -> Result<(), ClientError> {
        let written = self
            .request(Method::CREATE_PERMISSION, &|request| {
                peers.iter().fold(request, |request, peer| {
                    request.put_address(attribute::XOR_PEER_ADDRESS, *peer)
                })
            })
            .await;
        written.map(drop)
    }

    /// Gives a peer a channel.
    pub async fn bind(&mut self, channel: u16, peer: SocketAddr) -> Result<(), ClientError> {
        let written = self
            .request(Method::CHANNEL_BIND, &|request| {
                request
                    .put_number(attribute::CHANNEL_NUMBER, u32::from(channel) << 16)
                    .put_address(attribute::XOR_PEER_ADDRESS, peer)
            })
            .await;
        written.map(drop)
    }

    /// Sends to a peer without a channel.
    pub async fn send(&mut self, peer: SocketAddr, payload: &[u8]) -> Result<(), ClientError> {
        let id = self.transaction();
        let message = Writer::new(Class::Indication, Method::SEND, id)
            .put_address(attribute::XOR_PEER_ADDRESS, peer)
            .put(attribute::DATA, payload)
            .finish();
        Ok(self.link.send(&message).await?)
    }

    /// Sends on a channel.
    pub async fn send_on(&mut self, channel: u16, payload: &[u8]) -> Result<(), ClientError> {
        let length = u16::try_from(payload.len()).map_err(|_| Malformed)?;
        let message = [&ChannelData::header(channel, length)[..], payload].concat();
        Ok(self.link.send(&message).await?)
    }

    /// Sends any bytes.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        Ok(self.link.send(bytes).await?)
    }

    /// What the next peer sends. Waits for as long as it takes.
    pub async fn receive(&mut self) -> Result<Incoming, ClientError> {
        loop {
            if let Some(kept) = self.kept.pop_front() {
                return Ok(kept);
            }
            let bytes = self.link.receive().await?;
            if let Some(incoming) = incoming(&bytes) {
                return Ok(incoming);
            }
        }
    }

    fn transaction(&self) -> TransactionId {
        let mut id = [0; 12];
        (self.random)(&mut id);
        id
    }

    /// Asks with credentials; tells the server's realm and nonce from its first refusal (RFC 8489, section 9.2.5).
    async fn request(
        &mut self,
        method: Method,
        fill: &(dyn Fn(Writer) -> Writer + Sync),
    ) -> Result<Vec<u8>, ClientError> {
        // The first one is to learn the realm, and a nonce may grow old once on the way.
        for _ in 0..3 {
            let id = self.transaction();
            let mut request = fill(Writer::new(Class::Request, method, id));
            if let Some(key) = &self.key {
                request = request
                    .put(attribute::USERNAME, self.username.as_bytes())
                    .put(attribute::REALM, self.realm.as_bytes())
                    .put(attribute::NONCE, self.nonce.as_bytes())
                    .sign(key);
            }
            let request = request.fingerprint().finish();
            let answer = self.exchange(id, &request).await?;
            let message = Message::parse(&answer)?;
            let known = self.key.is_some();
            let again = match message.error_code() {
                Some(code::UNAUTHORIZED) => !known,
                Some(code::STALE_NONCE) => true,
                _ => false,
            };
            if again {
                self.challenge(&message)?;
                continue;
            }
            granted(&answer)?;
            let key = self.key.as_ref().ok_or(ClientError::Forged)?;
            if message.integrity(key) != Integrity::Good {
                return Err(ClientError::Forged);
            }
            return Ok(answer);
        }
        Err(ClientError::Refused {
            code: code::STALE_NONCE,
            reason: "again and again".to_owned(),
        })
    }

    fn challenge(&mut self, message: &Message<'_>) -> Result<(), ClientError> {
        let text = |kind| message.text(kind).ok_or(Malformed);
        text(attribute::NONCE)?.clone_into(&mut self.nonce);
        text(attribute::REALM)?.clone_into(&mut self.realm);
        let key = long_term_key(&self.username, &self.realm, &self.password);
        self.key = Some(key);
        Ok(())
    }

    /// Sends until the answer comes. What peers send meanwhile is kept.
    async fn exchange(
        &mut self,
        id: TransactionId,
        request: &[u8],
    ) -> Result<Vec<u8>, ClientError> {
        let answered = tokio::time::timeout(ANSWER_WITHIN, self.resend(id, request)).await;
        answered.map_err(|_| ClientError::Silence)?
    }

    async fn resend(&mut self, id: TransactionId, request: &[u8]) -> Result<Vec<u8>, ClientError> {
        let mut pause = RESEND_AFTER;
        loop {
            self.link.send(request).await?;
            if self.link.is_reliable() {
                return self.answer(id).await;
            }
            if let Ok(answer) = tokio::time::timeout(pause, self.answer(id)).await {
                return answer;
            }
            pause *= 2;
        }
    }

    async fn answer(&mut self, id: TransactionId) -> Result<Vec<u8>, ClientError> {
        loop {
            let bytes = self.link.receive().await?;
            if let Some(incoming) = incoming(&bytes) {
                if self.kept.len() < KEPT {
                    self.kept.push_back(incoming);
                }
                continue;
            }
            let ours = Message::parse(&bytes).is_ok_and(|message| {
                matches!(message.class, Class::Success | Class::Error) && message.id() == id
            });
            if ours {
                return Ok(bytes);
            }
        }
    }
}

fn incoming(bytes: &[u8]) -> Option<Incoming> {
    if bytes.first()? & 0xc0 == 0x40 {
        let data = ChannelData::parse(bytes)?;
        return Some(Incoming::Channel(data.channel, data.payload.to_vec()));
    }
    let message = Message::parse(bytes).ok()?;
    if (message.class, message.method) != (Class::Indication, Method::DATA) {
        return None;
    }
    let peer = message.address(attribute::XOR_PEER_ADDRESS)?;
    Some(Incoming::Data(peer, message.get(attribute::DATA)?.to_vec()))
}

fn granted(answer: &[u8]) -> Result<Message<'_>, ClientError> {
    let message = Message::parse(answer)?;
    if message.class == Class::Success {
        return Ok(message);
    }
    let reason = message.get(attribute::ERROR_CODE).unwrap_or_default();
    let reason = String::from_utf8_lossy(reason.get(4..).unwrap_or_default());
    Err(ClientError::Refused {
        code: message.error_code().ok_or(Malformed)?,
        reason: reason.chars().filter(|c| !c.is_control()).collect(),
    })
}

const _: () = assert!(frame::MAX_FRAME > 65_507, "the longest datagram fits");
