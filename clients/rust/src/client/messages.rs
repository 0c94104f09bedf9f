//! Messages: sealing them for all devices of two people, opening them, and the history.

use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use melo_domain::{DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Client, Inner};
use crate::crypto::chat_key::ChatKeyError;
use crate::crypto::content::{Content, Written};
use crate::crypto::directory::DirectoryError;
use crate::crypto::envelope::{Envelope, EnvelopeError};
use crate::crypto::legacy::{self, LegacyError};
use crate::error::ClientError;
use crate::rest::calls;

/// A message as this device reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name on the wire: log and position.
    pub id: MessageId,
    /// Who sent it.
    pub from: Uid,
    /// From which device, when the server names one.
    pub device: Option<DeviceHandle>,
    /// The group or channel it is in.
    pub chat: Option<LogId>,
    /// The other person of a conversation of two, when this device knows it.
    pub peer: Option<Uid>,
    /// When the server took it.
    pub at: Timestamp,
    /// The sender's own id of it; existing clients give none.
    pub client_id: Option<Uuid>,
    /// What it says.
    pub body: Body,
    /// What became of it since, as a history tells it.
    pub since: Since,
}

/// What became of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Since {
    /// Whether it said something else before.
    pub edited: bool,
    /// Whether it is shown on top.
    pub pinned: bool,
    /// What people think of it.
    pub reactions: Vec<Reaction>,
}

/// What somebody thinks of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Who.
    pub from: Uid,
    /// An emoji or a short text.
    pub reaction: String,
    /// Who vouches for it.
    pub proof: Proof,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text.
    Text {
        /// What was written.
        written: Written,
        /// Who vouches for it.
        proof: Proof,
    },
    /// A type this version cannot show.
    Unsupported {
        /// Its type.
        kind: String,
    },
    /// It was deleted, or its time is over.
    Deleted,
    /// Not believed or not readable.
    Refused(Refusal),
}

/// Who vouches for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Signed by a device of the sender's identity, and the safety number was compared.
    Verified,
    /// Signed by a device of the sender's identity.
    Signed,
    /// In the form of the existing clients, which nobody signs: it may be from anybody who knows the
    /// recipient's public key.
    Unsigned,
}

/// Why a message is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The envelope does not open.
    #[error(transparent)]
    Envelope(EnvelopeError),
    /// The existing clients' form does not open.
    #[error(transparent)]
    Legacy(LegacyError),
    /// The sender's keys are not believed.
    #[error("the sender's keys are refused: {0}")]
    Directory(DirectoryError),
    /// The sender's identity does not vouch for the device.
    #[error("the sending device is not signed by the sender's identity")]
    UnknownDevice,
    /// The same message was received at another place before.
    #[error("the message was received before: this is a replay")]
    Replayed,
    /// The chat's key that it is sealed under has not come, for example because one was no member then.
    #[error("the key of this message was not given to this device")]
    NoKey,
    /// A chat's key is not taken.
    #[error(transparent)]
    ChatKey(ChatKeyError),
    /// An edit or a reaction that was made for another message, or is none.
    #[error("it was not made for the message that it came with")]
    OtherMessage,
}

/// A page of a conversation, oldest message first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Counted from 1, the newest.
    pub page: u32,
    /// Pages in all.
    pub pages: u64,
    /// Messages in all.
    pub total: u64,
}

/// Where a payload came from: all of it said by the server, none of it believed before the signature holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) id: MessageId,
    pub(super) from: Uid,
    pub(super) device: Option<DeviceHandle>,
    pub(super) at: Timestamp,
    /// Whether the log is that of a group or channel.
    pub(super) chat: bool,
}

/// What a good signature says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed {
    pub(super) device: DeviceHandle,
    pub(super) id: Uuid,
}

/// A payload that was opened: who signed it, if anybody did, and what it says.
pub(super) type Opened = Result<(Option<Signed>, Content), Refusal>;

impl Client {
    /// A page of the conversation with `with`.
    pub async fn history(
        &self,
        with: Uid,
        page: u32,
        per_page: u32,
    ) -> Result<HistoryPage, ClientError> {
        self.inner.contact(with).await?;
        let answer = self
            .inner
            .call(&calls::history(with, page, per_page))
            .await?;
        let mut messages = Vec::with_capacity(answer.events.len());
        for entry in answer
            .events
            .into_iter()
            .filter(|entry| entry.call.is_none())
        {
            let message = self.inner.read_entry(answer.log, false, &entry).await?;
            messages.push(message);
        }
        self.inner.save().await?;
        Ok(HistoryPage {
            messages,
            page: answer.page,
            pages: answer.pages,
            total: answer.total,
        })
    }
}

impl Inner {
    /// Reads a message. Errors are of the network; whatever is wrong with the message itself is its body.
    pub(super) async fn read_message(
        &self,
        origin: Origin,
        payload: &RawValue,
    ) -> Result<Message, ClientError> {
        let (client_id, body) = match self.open_payload(origin, payload).await? {
            Ok((signed, content)) => (signed.map(|s| s.id), self.body(origin, signed, content)),
            Err(refusal) => (None, Body::Refused(refusal)),
        };
        Ok(Message {
            id: origin.id,
            from: origin.from,
            device: origin.device,
            chat: origin.chat.then_some(origin.id.log),
            peer: self.peer_of(origin),
            at: origin.at,
            client_id,
            body,
            since: Since::default(),
        })
    }

    /// Opens the payload of a message or of a change to one.
    pub(super) async fn open_payload(
        &self,
        origin: Origin,
        payload: &RawValue,
    ) -> Result<Opened, ClientError> {
        match melo_protocol::Envelope::parse(payload) {
            None => self.open_legacy(payload).await,
            Some(Err(melo_protocol::EnvelopeError::Version)) => {
                Ok(Err(Refusal::Envelope(EnvelopeError::Version)))
            }
            Some(Err(_)) => Ok(Err(Refusal::Envelope(EnvelopeError::Malformed))),
            Some(Ok(_)) if origin.chat => self.open_in_chat(origin, payload).await,
            Some(Ok(_)) => match Envelope::parse(payload.get()) {
                Ok(envelope) => self.open_envelope(origin, envelope).await,
                Err(error) => Ok(Err(Refusal::Envelope(error))),
            },
        }
    }

    /// Who vouches for what was opened, unless it was here before.
    pub(super) fn vouch(&self, origin: Origin, signed: Option<Signed>) -> Result<Proof, Refusal> {
        let Some(Signed { device, id }) = signed else {
            return Ok(Proof::Unsigned);
        };
        let mut state = self.state();
        let received = state.received.entry(origin.id.log).or_default();
        if !received.remember(device, id, origin.id.seq) {
            return Err(Refusal::Replayed);
        }
        drop(state);
        Ok(self.proof(origin.from))
    }

    /// How far somebody's signature is believed.
    pub(super) fn proof(&self, signer: Uid) -> Proof {
        let state = self.state();
        let compared = state.people.get(&signer).is_some_and(|p| p.verified);
        if compared || signer == self.uid {
            Proof::Verified
        } else {
            Proof::Signed
        }
    }

    fn body(&self, origin: Origin, signed: Option<Signed>, content: Content) -> Body {
        let proof = match self.vouch(origin, signed) {
            Ok(proof) => proof,
            Err(refusal) => return Body::Refused(refusal),
        };
        let unsupported = |kind: &str| Body::Unsupported {
            kind: kind.to_owned(),
        };
        match content {
            Content::Text(written) => Body::Text { written, proof },
            Content::Edit { .. } => unsupported("edit"),
            Content::Reaction { .. } => unsupported("reaction"),
            Content::Call(_) => unsupported("call"),
            Content::Other { kind } => Body::Unsupported { kind },
        }
    }

    async fn open_envelope(
        &self,
        origin: Origin,
        envelope: Envelope,
    ) -> Result<Opened, ClientError> {
        let (device, signing) = match self.sender(origin).await? {
            Ok(sender) => sender,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let secrets = Arc::clone(&self.secrets);
        let (log, from) = (origin.id.log, origin.from);
        let opening = tokio::task::spawn_blocking(move || {
            let id = envelope.id();
            let content = envelope.open(log, from, device, &signing, &secrets.encryption)?;
            Ok((Some(Signed { device, id }), content))
        });
        Ok(opening
            .await
            .map_err(|_| ClientError::Stopping)?
            .map_err(Refusal::Envelope))
    }

    /// The device that something came from, and the key that it signs with.
    pub(super) async fn sender(
        &self,
        origin: Origin,
    ) -> Result<Result<(DeviceHandle, VerifyingKey), Refusal>, ClientError> {
        let Some(device) = origin.device else {
            return Ok(Err(Refusal::UnknownDevice));
        };
        Ok(match self.signing_key(origin.from, device).await {
            Ok(Some(key)) => Ok((device, key)),
            Ok(None) => Err(Refusal::UnknownDevice),
            Err(ClientError::Directory { error, .. }) => Err(Refusal::Directory(error)),
            Err(ClientError::OwnIdentityChanged(_)) => {
                Err(Refusal::Directory(DirectoryError::IdentityChanged))
            }
            // Somebody whose keys this account may not see, or who is gone.
            Err(error) if error.code().is_some() && !error.is_transient() => {
                Err(Refusal::UnknownDevice)
            }
            Err(error) => return Err(error),
        })
    }

    async fn open_legacy(&self, payload: &RawValue) -> Result<Opened, ClientError> {
        // A string that holds JSON, or the same object without the string around it.
        let text = serde_json::from_str::<String>(payload.get())
            .unwrap_or_else(|_| payload.get().to_owned());
        let secrets = Arc::clone(&self.secrets);
        let opening =
            tokio::task::spawn_blocking(move || legacy::open_text(&text, &secrets.encryption));
        let opened = opening.await.map_err(|_| ClientError::Stopping)?;
        Ok(opened
            .map(|text| (None, Content::Text(text.into())))
            .map_err(Refusal::Legacy))
    }

    /// The key that `device` of `from` signs with, asking the server when it is not known. `None`: the
    /// person's identity does not vouch for that device.
    async fn signing_key(
        &self,
        from: Uid,
        device: DeviceHandle,
    ) -> Result<Option<VerifyingKey>, ClientError> {
        let known = |inner: &Self| {
            inner
                .state()
                .people
                .get(&from)
                .and_then(|p| p.signing_key(device))
        };
        if let Some(key) = known(self) {
            return Ok(Some(key));
        }
        if (from, device) == (self.uid, self.device) {
            return Ok(crate::crypto::identity::verifying_key(
                &self.secrets.signing.public(),
            ));
        }
        self.refresh_person(from).await?;
        Ok(known(self))
    }

    /// The other person of a conversation of two.
    pub(super) fn peer_of(&self, origin: Origin) -> Option<Uid> {
        let Origin { id, from, chat, .. } = origin;
        if chat {
            return None;
        }
        if from != self.uid {
            return Some(from);
        }
        self.state()
            .contacts
            .iter()
            .find(|(_, contact)| contact.log == id.log)
            .map(|(uid, _)| *uid)
    }

    /// Notes an event as handled outside of a live connection: it is this device's own.
    pub(super) fn note_own(&self, log: LogId, seq: Seq) {
        let mut state = self.state();
        // Only when there is no gap before it; otherwise the next resume brings it again, harmlessly.
        if let Some(cursor) = state.cursors.get_mut(&log)
            && *cursor + 1 == seq
        {
            *cursor = seq;
        }
    }
}
