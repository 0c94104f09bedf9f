//! Calls with sound: rings somebody or answers, finds a way to the other device, plays and records. It ties what is
//! said about a call ([`crate::client`]) to the connection that carries its sound ([`melo_media`]).

mod hearing;
mod session;
mod voice;

use std::fmt;
use std::sync::Arc;

use melo_domain::{CallId, Media, Uid};
use melo_media::{IceServer, MediaError, WayOptions};
use melo_protocol::ErrorCode;
use melo_protocol::frame::CallStatus;
use melo_stun::RelayUrl;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::client::{CallEvent, CallHeard, CallLine, CallWords, Plain, Refusal};
use crate::crypto::call::Said;
use crate::crypto::short_code::ShortCode;
use crate::rest::calls;
use crate::{Client, ClientError};
use session::{Order, Session, Side, Vouched};

pub use melo_media::{Admits, Reach, Recording, Tape};
pub use melo_stun::Transport;
pub use voice::{Voice, VoiceCounts};

/// What was said in the call and waits for its session.
const ORDERS: usize = 256;
/// What happened and waits for the application.
const NEWS: usize = 64;

/// Why a call could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// What is said about it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its sound.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The server names no relay that could be used, and nothing else is allowed.
    #[error("the server offers no relay over {0}")]
    NoRelay(&'static str),
    /// What was said is no offer that can be answered.
    #[error("the caller's device is not vouched for: {0}")]
    Unbelieved(Refusal),
    /// A description that does not say under which keys the sound is encrypted.
    #[error("the description of the call names no fingerprint of its keys")]
    NoFingerprint,
    /// An existing client's call, which nobody vouches for.
    #[error("the caller's program does not encrypt how the call is set up")]
    Unencrypted,
}

impl PhoneError {
    /// What kind of thing went wrong: nothing of anybody, for a log.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Client(_) => "signalling",
            Self::Media(MediaError::Connection(_)) => "connection",
            Self::Media(MediaError::Socket(_)) => "socket",
            Self::Media(MediaError::NoCodec) => "no common codec",
            Self::Media(_) => "sound",
            Self::NoRelay(_) => "no relay",
            Self::Unbelieved(_) => "not vouched for",
            Self::NoFingerprint => "no fingerprint",
            Self::Unencrypted => "not encrypted",
        }
    }
}

/// How to reach the other device.
#[derive(Clone, Default)]
pub struct PhoneOptions {
    /// What is allowed.
    pub reach: Reach,
    /// How relays are talked to; in every way the server names, where it is not said.
    pub relay_transport: Option<Transport>,
    /// Whether existing clients' calls are answered, for which nobody vouches.
    pub answers_plain: bool,
    /// Where packets may be sent to, of what the other device names; everywhere without it.
    pub admits: Option<Admits>,
}

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// It went as the server says.
    State(CallStatus),
    /// The server refused it.
    Refused {
        /// The stable code.
        code: ErrorCode,
        /// What happened, for a person.
        detail: String,
    },
    /// The devices found no way to each other, or lost it.
    NoWay,
    /// What the other device said is not believed.
    Unbelieved(String),
    /// Something failed on this device.
    Failed(String),
}

/// What happens in a call.
#[derive(Debug)]
pub enum CallNews {
    /// The other person's devices ring.
    Ringing,
    /// Somebody has answered; a way is looked for.
    Answered,
    /// The two hear each other. A call that was interrupted is connected anew.
    Connected {
        /// How this device is reached: `host`, `srflx`, `prflx` or `relay`.
        way: Option<&'static str>,
        /// What the two may compare.
        code: Option<ShortCode>,
        /// Whether the safety number was compared.
        verified: bool,
    },
    /// Nothing comes from the other device; another way is looked for.
    Interrupted,
    /// How the other device is.
    Status {
        /// On hold.
        hold: bool,
        /// Its microphone is off.
        muted: bool,
    },
    /// What was to be played was played.
    Played,
    /// It is over; nothing comes after this.
    Over(Over, VoiceCounts),
}

/// Calls of one device.
#[derive(Clone)]
pub struct Phone {
    client: Client,
    line: CallLine,
    options: PhoneOptions,
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// A call of this device. Dropping it hangs up.
#[derive(Debug)]
pub struct OngoingCall {
    id: CallId,
    peer: Uid,
    orders: mpsc::Sender<Order>,
    news: mpsc::Receiver<CallNews>,
}

impl Phone {
    /// A phone on this line.
    pub fn new(client: Client, line: CallLine, options: PhoneOptions) -> Self {
        Self {
            client,
            line,
            options,
        }
    }

    /// Calls somebody. Everything about the call that arrives is to be given to it ([`OngoingCall::hear`]).
    pub async fn call(&self, peer: Uid, voice: Voice) -> Result<OngoingCall, PhoneError> {
        let words = CallWords {
            call_id: Client::new_call_id()?,
            target: Some(peer),
            chat: None,
            device: None,
            media: Some(Media::Audio),
        };
        self.begin(words, peer, Side::Caller, voice).await
    }

    /// Answers an offer. Everything about the call that arrived with it and after it is to be given to it.
    pub async fn answer(&self, offer: CallHeard, voice: Voice) -> Result<OngoingCall, PhoneError> {
        let device = offer.device;
        let call_id = offer.call_id.ok_or(PhoneError::Unencrypted)?;
        let plain = offer.plain.filter(|_| self.options.answers_plain);
        let side = match (offer.signal, plain) {
            (Some(Ok((Said::Offer { sdp }, proof))), _) => Side::Callee {
                sdp,
                proof: Vouched::By(proof),
            },
            (Some(Ok(_)), _) => return Err(PhoneError::Unbelieved(Refusal::OtherMessage)),
            (Some(Err(refusal)), _) => return Err(PhoneError::Unbelieved(refusal)),
            (
                None,
                Some(Plain {
                    said: Said::Offer { sdp },
                    object,
                }),
            ) => Side::Callee {
                sdp,
                proof: Vouched::ByNobody { object },
            },
            (None, _) => return Err(PhoneError::Unencrypted),
        };
        let words = CallWords {
            call_id,
            target: Some(offer.from),
            chat: None,
            device,
            media: offer.media,
        };
        self.begin(words, offer.from, side, voice).await
    }

    async fn begin(
        &self,
        words: CallWords,
        peer: Uid,
        side: Side,
        voice: Voice,
    ) -> Result<OngoingCall, PhoneError> {
        let ways = self.ways().await?;
        let id = words.call_id;
        let (orders, order_receiver) = mpsc::channel(ORDERS);
        let (news_sender, news) = mpsc::channel(NEWS);
        let session = Session::begin(self, words, peer, side, ways, voice).await?;
        tokio::spawn(session.run(order_receiver, news_sender));
        Ok(OngoingCall {
            id,
            peer,
            orders,
            news,
        })
    }

    /// What the server says should be used now, and this phone may.
    async fn ways(&self) -> Result<WayOptions, PhoneError> {
        let answer = self.client.inner.call(&calls::ice_servers()).await?;
        let only = self.options.relay_transport;
        let wanted = |url: &str| match RelayUrl::parse(url) {
            Ok(relay) => only.is_none_or(|transport| relay.transport == transport),
            Err(_) => self.options.reach == Reach::Any,
        };
        let servers: Vec<IceServer> = answer
            .ice_servers
            .into_iter()
            .filter(|server| wanted(&server.urls))
            .map(|server| IceServer {
                url: server.urls,
                credentials: server
                    .username
                    .zip(server.credential)
                    .map(|(name, password)| (name, password.expose().to_owned())),
            })
            .collect();
        if servers.is_empty() && self.options.reach == Reach::RelayOnly {
            let transport = only.map_or("UDP, TCP or TLS", Transport::as_str);
            return Err(PhoneError::NoRelay(transport));
        }
        Ok(WayOptions {
            servers,
            reach: self.options.reach,
            admits: self.options.admits.clone(),
            tls: Arc::clone(&self.client.inner.tls),
        })
    }
}

impl OngoingCall {
    /// Which call.
    pub fn id(&self) -> CallId {
        self.id
    }

    /// With whom.
    pub fn peer(&self) -> Uid {
        self.peer
    }

    /// Whether this is about the call.
    pub fn is_about(&self, event: &CallEvent) -> bool {
        let call = match event {
            CallEvent::State(state) => Some(state.call_id),
            CallEvent::Heard(heard) => heard.call_id,
            CallEvent::Refused { call_id, .. } => Some(*call_id),
            CallEvent::Roster(_) | CallEvent::Record { .. } => None,
        };
        call == Some(self.id)
    }

    /// Gives it something that was said about it. A call that is over does not listen any more.
    pub fn hear(&self, event: CallEvent) {
        if let Err(TrySendError::Full(_)) = self.orders.try_send(Order::Heard(Box::new(event))) {
            tracing::warn!("something said in a call was dropped: too much of it waits");
        }
    }

    /// Hangs up; [`CallNews::Over`] follows.
    pub async fn hang_up(&self) {
        let _ = self.orders.send(Order::HangUp).await;
    }

    /// What happens next; `None` after [`CallNews::Over`].
    pub async fn next(&mut self) -> Option<CallNews> {
        self.news.recv().await
    }
}

/// What a session has of its phone.
impl Phone {
    fn client(&self) -> &Client {
        &self.client
    }

    fn line(&self) -> &CallLine {
        &self.line
    }
}
