//! What a client's message leads to.

use std::sync::Arc;

use melo_stun::{Class, Message, Method, Writer, attribute, code};

use super::Transport;
use super::allocation::Path;
use super::authenticate::{Identity, answer, finish, refuse};
use super::figures::Refusal;
use super::peers::Reach;
use super::relay::Relay;
use super::settings::Account;
use super::way::Way;

/// Attributes that are understood, of those that must be.
const KNOWN: &[u16] = &[
    attribute::USERNAME,
    attribute::MESSAGE_INTEGRITY,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::DATA,
    attribute::REALM,
    attribute::NONCE,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::EVEN_PORT,
    attribute::REQUESTED_TRANSPORT,
    attribute::RESERVATION_TOKEN,
];

/// What comes of a message at once.
pub(super) enum Outcome {
    /// Nothing to say.
    Silence,
    /// This.
    Answer(Vec<u8>),
    /// A signed request: whose it is has to be asked.
    Signed(Box<Identity>),
}

/// A client, as the handlers of requests see it.
#[derive(Clone)]
pub(super) struct Client {
    pub path: Path,
    pub way: Way,
    pub transport: Transport,
}

/// A signed request of somebody who may relay.
pub(super) struct Granted<'a> {
    pub message: Message<'a>,
    pub identity: &'a Identity,
    pub account: Account,
    pub client: &'a Client,
}

impl Granted<'_> {
    pub fn refuse(&self, code: u16, reason: &str) -> Vec<u8> {
        refuse(&self.message, code, reason, Some(&self.identity.key))
    }

    pub fn grant(&self, fill: impl FnOnce(Writer) -> Writer) -> Vec<u8> {
        let written = fill(answer(&self.message, Class::Success));
        finish(&self.message, written, Some(&self.identity.key))
    }
}

impl Relay {
    /// What can be done without asking anybody.
    pub fn receive(&self, bytes: &[u8], path: &Path) -> Outcome {
        let Ok(message) = Message::parse(bytes) else {
            self.counters.refused(Refusal::Malformed);
            return Outcome::Silence;
        };
        if message.fingerprint() == Some(false) {
            self.counters.refused(Refusal::Malformed);
            return Outcome::Silence;
        }
        match (message.class, message.method) {
            (Class::Indication, Method::SEND) => {
                self.send(&message, path);
                Outcome::Silence
            }
            (Class::Request, Method::BINDING) => Outcome::Answer(binding(&message, path)),
            (
                Class::Request,
                Method::ALLOCATE
                | Method::REFRESH
                | Method::CREATE_PERMISSION
                | Method::CHANNEL_BIND,
            ) => match self.identify(&message, path.client) {
                Ok(identity) => Outcome::Signed(Box::new(identity)),
                Err(refusal) => Outcome::Answer(refusal),
            },
            (Class::Request, _) => {
                Outcome::Answer(refuse(&message, code::BAD_REQUEST, "Bad Request", None))
            }
            // Answers to questions that nobody asked, and indications that mean nothing here.
            _ => Outcome::Silence,
        }
    }

    /// A signed request, to its answer.
    pub async fn request(
        self: &Arc<Self>,
        bytes: &[u8],
        identity: &Identity,
        client: &Client,
    ) -> Option<Vec<u8>> {
        let message = Message::parse(bytes).ok()?;
        // Unanswered when nobody can say: the client asks again.
        let account = self.authority.account(&identity.pseudonym).await.ok()?;
        let Some(account) = account else {
            return Some(self.unauthorized(&message, client.path.client));
        };
        let granted = Granted {
            message,
            identity,
            account,
            client,
        };
        let unknown = message.unknown(KNOWN);
        if !unknown.is_empty() {
            return Some(unknown_list(&message, &unknown, Some(identity)));
        }
        match message.method {
            Method::ALLOCATE => Some(self.allocate(&granted).await),
            Method::REFRESH => Some(self.refresh(&granted)),
            Method::CREATE_PERMISSION => Some(self.create_permission(&granted)),
            Method::CHANNEL_BIND => Some(self.channel_bind(&granted)),
            _ => None,
        }
    }

    /// A client's data without a channel (RFC 8656, section 11.2). Nobody is told when it goes nowhere.
    fn send(&self, message: &Message<'_>, path: &Path) {
        let (Some(peer), Some(payload)) = (
            message.address(attribute::XOR_PEER_ADDRESS),
            message.get(attribute::DATA),
        ) else {
            return self.counters.refused(Refusal::Malformed);
        };
        if !message.unknown(KNOWN).is_empty() {
            return;
        }
        let Some(allocation) = self.allocation(path) else {
            return;
        };
        if self.peers.reach(peer.ip()) == Reach::Forbidden {
            return self.counters.refused(Refusal::Forbidden);
        }
        if allocation.may_send(peer.ip(), self.now()) {
            self.to_peer(&allocation, peer, payload);
        }
    }
}

fn binding(message: &Message<'_>, path: &Path) -> Vec<u8> {
    let unknown = message.unknown(KNOWN);
    if !unknown.is_empty() {
        return unknown_list(message, &unknown, None);
    }
    let written =
        answer(message, Class::Success).put_address(attribute::XOR_MAPPED_ADDRESS, path.client);
    finish(message, written, None)
}

/// The refusal that names what is not understood (RFC 8489, section 6.3.1).
fn unknown_list(message: &Message<'_>, unknown: &[u16], identity: Option<&Identity>) -> Vec<u8> {
    let list: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
    let written = answer(message, Class::Error)
        .put_error(code::UNKNOWN_ATTRIBUTE, "Unknown Attribute")
        .put(attribute::UNKNOWN_ATTRIBUTES, &list);
    finish(message, written, identity.map(|identity| &identity.key))
}
