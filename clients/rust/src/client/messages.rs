//! Messages: sealing them for all devices of two people, opening them, and the history.

use std::sync::Arc;

use melo_domain::{DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Client, Inner};
use crate::crypto::content::Content;
use crate::crypto::directory::DirectoryError;
use crate::crypto::envelope::{Context, Envelope, EnvelopeError};
use crate::crypto::legacy::{self, LegacyError};
use crate::crypto::rsa_keys::EncryptionKey;
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
    /// The other person of the conversation, when this device knows it.
    pub peer: Option<Uid>,
    /// When the server took it.
    pub at: Timestamp,
    /// The sender's own id of it; existing clients give none.
    pub client_id: Option<Uuid>,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Text.
    Text {
        /// What was written.
        text: String,
        /// Who vouches for it.
        proof: Proof,
    },
    /// A type this version cannot show.
    Unsupported {
        /// Its type.
        kind: String,
    },
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
}

/// What a good signature says.
#[derive(Debug, Clone, Copy)]
struct Signed {
    device: DeviceHandle,
    id: Uuid,
}

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
        for event in answer.events {
            let origin = Origin {
                id: MessageId {
                    log: answer.log,
                    seq: event.seq,
                },
                from: event.from,
                device: event.device,
                at: event.at,
            };
            messages.push(self.inner.read_message(origin, &event.payload).await?);
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
    /// The payload, as JSON text, of `text` for `target`. `fresh` fetches everybody's keys anew.
    pub(super) async fn seal_text(
        &self,
        target: Uid,
        text: &str,
        client_id: Uuid,
        fresh: bool,
    ) -> Result<String, ClientError> {
        let contact = self.contact(target).await?;
        let Some(mut recipients) = self.recipients(target, fresh).await? else {
            return self.seal_legacy(target, text).await;
        };
        recipients.extend(self.recipients(self.uid, fresh).await?.unwrap_or_default());
        let own = self.secrets.encryption.public();
        if !recipients.contains(own) {
            recipients.push(own.clone());
        }
        let context = Context {
            log: contact.log,
            uid: self.uid,
            device: self.device,
            id: client_id,
        };
        let content = Content::Text(text.into());
        Ok(Envelope::seal(&context, &content, &recipients, &self.secrets.signing)?.to_json()?)
    }

    async fn seal_legacy(&self, target: Uid, text: &str) -> Result<String, ClientError> {
        // Existing clients replace their key without telling anybody.
        self.refresh_contacts().await?;
        let recipient = EncryptionKey::from_pem(&self.contact(target).await?.public_e2e_key)?;
        let payload = legacy::seal_text(text, &recipient)?;
        serde_json::to_string(&payload).map_err(|_| LegacyError::Malformed.into())
    }

    /// Reads a message. Errors are of the network; whatever is wrong with the message itself is its body.
    pub(super) async fn read_message(
        &self,
        origin: Origin,
        payload: &RawValue,
    ) -> Result<Message, ClientError> {
        let opened = match envelope_of(payload) {
            Some(Ok(envelope)) => self.open_envelope(origin, envelope).await?,
            Some(Err(error)) => Err(Refusal::Envelope(error)),
            None => self
                .open_legacy(payload)
                .await?
                .map(|text| (None, Content::Text(text.into()))),
        };
        let (client_id, body) = match opened {
            Ok((signed, content)) => (signed.map(|s| s.id), self.body(origin, signed, content)),
            Err(refusal) => (None, Body::Refused(refusal)),
        };
        Ok(Message {
            id: origin.id,
            from: origin.from,
            device: origin.device,
            peer: self.peer_of(origin.id.log, origin.from),
            at: origin.at,
            client_id,
            body,
        })
    }

    fn body(&self, origin: Origin, signed: Option<Signed>, content: Content) -> Body {
        let proof = match signed {
            None => Proof::Unsigned,
            Some(Signed { device, id }) => {
                let mut state = self.state();
                let received = state.received.entry(origin.id.log).or_default();
                if !received.remember(device, id, origin.id.seq) {
                    return Body::Refused(Refusal::Replayed);
                }
                let compared = origin.from == self.uid
                    || state.people.get(&origin.from).is_some_and(|p| p.verified);
                if compared {
                    Proof::Verified
                } else {
                    Proof::Signed
                }
            }
        };
        match content {
            Content::Text(written) => Body::Text {
                text: written.text,
                proof,
            },
            Content::Edit { .. } => Body::Unsupported {
                kind: "edit".to_owned(),
            },
            Content::Reaction { .. } => Body::Unsupported {
                kind: "reaction".to_owned(),
            },
            Content::Other { kind } => Body::Unsupported { kind },
        }
    }

    async fn open_envelope(
        &self,
        origin: Origin,
        envelope: Envelope,
    ) -> Result<Result<(Option<Signed>, Content), Refusal>, ClientError> {
        let Some(device) = origin.device else {
            return Ok(Err(Refusal::UnknownDevice));
        };
        let signing = match self.signing_key(origin.from, device).await {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(Err(Refusal::UnknownDevice)),
            Err(ClientError::Directory { error, .. }) => return Ok(Err(Refusal::Directory(error))),
            Err(ClientError::OwnIdentityChanged(_)) => {
                return Ok(Err(Refusal::Directory(DirectoryError::IdentityChanged)));
            }
            Err(error) => return Err(error),
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

    async fn open_legacy(
        &self,
        payload: &RawValue,
    ) -> Result<Result<String, Refusal>, ClientError> {
        // A string that holds JSON, or the same object without the string around it.
        let text = serde_json::from_str::<String>(payload.get())
            .unwrap_or_else(|_| payload.get().to_owned());
        let secrets = Arc::clone(&self.secrets);
        let opening =
            tokio::task::spawn_blocking(move || legacy::open_text(&text, &secrets.encryption));
        Ok(opening
            .await
            .map_err(|_| ClientError::Stopping)?
            .map_err(Refusal::Legacy))
    }

    /// The key that `device` of `from` signs with, asking the server when it is not known. `None`: the
    /// person's identity does not vouch for that device.
    async fn signing_key(
        &self,
        from: Uid,
        device: DeviceHandle,
    ) -> Result<Option<ed25519_dalek::VerifyingKey>, ClientError> {
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

    /// The other person of a conversation.
    pub(super) fn peer_of(&self, log: LogId, from: Uid) -> Option<Uid> {
        if from != self.uid {
            return Some(from);
        }
        self.state()
            .contacts
            .iter()
            .find(|(_, contact)| contact.log == log)
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

/// The envelope in a payload that claims to be one.
fn envelope_of(payload: &RawValue) -> Option<Result<Envelope, EnvelopeError>> {
    match melo_protocol::Envelope::parse(payload)? {
        Ok(_) => Some(Envelope::parse(payload.get())),
        Err(melo_protocol::EnvelopeError::Version) => Some(Err(EnvelopeError::Version)),
        Err(_) => Some(Err(EnvelopeError::Malformed)),
    }
}
