//! Sending. What is sent goes into the outbox on disk first and leaves it when the server says that it is committed,
//! or that it never will be.

use std::time::Duration;

use melo_domain::{LogId, MessageId, Seq, Timestamp, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::rest::messages::SendRequest;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::chat_keys::key_ref_of;
use super::{Client, Inner};
use crate::crypto::content::{Content, Written};
use crate::crypto::random;
use crate::error::ClientError;
use crate::keystore::{Act, Outgoing, Target};
use crate::rest::chats::Appended;
use crate::rest::{ApiError, Call, calls, chats};
use crate::socket::{Backoff, message_of, name_of};

/// How often a message is mended when devices, members or keys change under it.
pub(super) const MAX_MENDS: u32 = 3;
/// As above, in a chat, where more people come and go.
const MAX_CHAT_MENDS: u32 = 6;
/// How often a call is tried before the message stays in the outbox.
const ATTEMPTS: u32 = 4;
/// No wait between attempts is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A message the server has committed to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The id this client gave it.
    pub client_id: Uuid,
    /// The conversation.
    pub log: LogId,
    /// Its position there.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
}

impl Client {
    /// Sends what was written over REST, after whatever is still in the outbox, and waits until the server has it on
    /// disk. On a transient error the message stays in the outbox: the next send or live connection delivers it,
    /// once.
    pub async fn send(
        &self,
        target: impl Into<Target>,
        written: impl Into<Written>,
    ) -> Result<Sent, ClientError> {
        let content = Content::Text(written.into());
        self.act(target.into(), Act::Message, Some(&content)).await
    }

    /// Gives an own message another text, over REST.
    pub async fn edit(
        &self,
        target: impl Into<Target>,
        message: MessageId,
        written: impl Into<Written>,
    ) -> Result<Sent, ClientError> {
        let written = written.into();
        let content = Content::Edit { message, written };
        self.act(target.into(), Act::Edit(message), Some(&content))
            .await
    }

    async fn act(
        &self,
        target: Target,
        act: Act,
        content: Option<&Content>,
    ) -> Result<Sent, ClientError> {
        let inner = &self.inner;
        let client_id = inner.enqueue(target, act, content).await?;
        loop {
            let Some(first) = inner.state().outbox.first().cloned() else {
                return Err(ClientError::Stopping);
            };
            let posted = inner.post(&first).await;
            inner.settle_appended();
            match posted {
                Ok(sent) => {
                    inner.note_own(sent.log, sent.seq);
                    inner.leave_outbox(first.client_id);
                    inner.save().await?;
                    if first.client_id == client_id {
                        return Ok(sent);
                    }
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    inner.leave_outbox(first.client_id);
                    inner.save().await?;
                    if first.client_id == client_id {
                        return Err(error);
                    }
                    tracing::warn!(client_id = %first.client_id, %error, "an earlier message was refused");
                }
            }
        }
    }

    /// How many messages the server has not acknowledged.
    pub fn unsent(&self) -> usize {
        self.inner.state().outbox.len()
    }
}

impl Inner {
    /// Seals what is to be sent and puts it into the outbox, on disk.
    pub(super) async fn enqueue(
        &self,
        target: Target,
        act: Act,
        content: Option<&Content>,
    ) -> Result<Uuid, ClientError> {
        self.ensure_published().await?;
        let client_id = random::uuid()?;
        let mut outgoing = Outgoing::new(client_id, target, act, content);
        let in_chat = matches!(target, Target::Chat { .. });
        // What is written to a chat while the live connection is catching up is sealed after that: the key in use may
        // be among what it brings.
        if !in_chat || !self.is_engaged() || self.is_live() {
            match self.seal(&outgoing, false).await {
                Ok(payload) => outgoing.payload = payload,
                // The chat's key cannot be made now; it is made when there is a connection.
                Err(error) if in_chat && error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
        self.state().outbox.push(outgoing);
        self.save().await?;
        Ok(client_id)
    }

    /// Takes a message out of the outbox; whether it was there.
    pub(super) fn leave_outbox(&self, client_id: Uuid) -> bool {
        let outbox = &mut self.state().outbox;
        let before = outbox.len();
        outbox.retain(|o| o.client_id != client_id);
        outbox.len() < before
    }

    /// What waits under that id.
    pub(super) fn waiting(&self, client_id: Uuid) -> Option<Outgoing> {
        let state = self.state();
        let mut outbox = state.outbox.iter();
        outbox.find(|o| o.client_id == client_id).cloned()
    }

    /// Seals something in the outbox that could not be sealed before.
    pub(super) async fn seal_waiting(&self, outgoing: &Outgoing) -> Result<(), ClientError> {
        let payload = self.seal(outgoing, false).await?;
        self.update(outgoing.client_id, |entry| entry.payload = payload);
        self.save().await
    }

    /// Whether the server's refusal can be mended: its devices or the key are others than this device thought.
    pub(super) fn is_mendable(outgoing: &Outgoing, code: Option<ErrorCode>) -> bool {
        let most = match outgoing.target {
            Target::Person(_) => MAX_MENDS,
            Target::Chat { .. } => MAX_CHAT_MENDS,
        };
        let mendable = matches!(code, Some(ErrorCode::DeviceMismatch | ErrorCode::StaleKey));
        mendable && outgoing.resealed < most
    }

    /// Mends something in the outbox that the server refused, under its own id: seals it anew, or has the chat's key
    /// wrapped for the devices that the server misses. An error says that it cannot be sent.
    pub(super) async fn mend(
        &self,
        outgoing: &Outgoing,
        code: Option<ErrorCode>,
        missing: &[String],
    ) -> Result<(), ClientError> {
        match outgoing.target {
            Target::Person(uid) => self.reseal(outgoing, uid).await?,
            Target::Chat { chat } => {
                let name = key_ref_of(&outgoing.payload);
                match (code, name) {
                    (Some(ErrorCode::DeviceMismatch), Some(name)) if !missing.is_empty() => {
                        self.cover(chat, &name, missing).await?;
                    }
                    _ => {
                        self.retire_key_of(chat, &outgoing.payload);
                        let payload = self.seal(outgoing, true).await?;
                        self.update(outgoing.client_id, |entry| entry.payload = payload);
                    }
                }
            }
        }
        self.update(outgoing.client_id, |entry| entry.resealed += 1);
        self.save().await
    }

    fn update(&self, client_id: Uuid, change: impl FnOnce(&mut Outgoing)) {
        let mut state = self.state();
        let mut outbox = state.outbox.iter_mut();
        if let Some(entry) = outbox.find(|o| o.client_id == client_id) {
            change(entry);
        }
    }

    /// Seals a message to a person anew for the devices there are now.
    async fn reseal(&self, outgoing: &Outgoing, target: Uid) -> Result<(), ClientError> {
        let payload = self.seal(outgoing, true).await?;
        // Asked again after it was sealed for everybody whose keys hold: the rest have none that do.
        if outgoing.resealed + 1 >= MAX_MENDS {
            let refused = self
                .fetch_directory(target)
                .await?
                .is_some_and(|d| !d.refused.is_empty());
            if refused {
                return Err(ClientError::UnsignedDevice(target));
            }
        }
        self.update(outgoing.client_id, |entry| entry.payload = payload);
        Ok(())
    }

    async fn post(&self, outgoing: &Outgoing) -> Result<Sent, ClientError> {
        let client_id = outgoing.client_id;
        let mut backoff = Backoff::default();
        let mut attempt = 1;
        loop {
            let waiting = self.waiting(client_id).ok_or(ClientError::Stopping)?;
            let posted = self.post_once(&waiting).await;
            match posted {
                Ok(Some(Appended { log, seq, at })) => {
                    return Ok(Sent {
                        client_id,
                        log,
                        seq,
                        at,
                    });
                }
                Ok(None) => {}
                Err(ClientError::Api(error)) if Self::is_mendable(&waiting, error.code()) => {
                    self.mend(&waiting, error.code(), error.missing()).await?;
                }
                Err(ClientError::Api(error)) if error.is_transient() && attempt < ATTEMPTS => {
                    attempt += 1;
                    let wait = error.retry_after().unwrap_or_else(|| backoff.next_wait());
                    if wait > LONGEST_WAIT {
                        return Err(error.into());
                    }
                    tokio::time::sleep(wait).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends it, or, when it is not sealed yet, seals it and answers with nothing.
    async fn post_once(&self, outgoing: &Outgoing) -> Result<Option<Appended>, ClientError> {
        if outgoing.is_unsealed() {
            self.seal_waiting(outgoing).await?;
            return Ok(None);
        }
        let answer = self.call(&call_of(outgoing)?).await?;
        Ok(Some(answer))
    }
}

/// The call that sends it.
fn call_of(outgoing: &Outgoing) -> Result<Call<Appended>, ApiError> {
    let payload = match outgoing.payload.as_str() {
        "" => None,
        text => Some(RawValue::from_string(text.to_owned()).map_err(|_| ApiError::Request)?),
    };
    let (target, id) = (outgoing.target, outgoing.client_id);
    if let Some(message) = message_of(outgoing.act) {
        let name = name_of(outgoing.act);
        return chats::act(name, target, message, payload.as_deref(), id);
    }
    let (target_id, chat_id) = match target {
        Target::Person(uid) => (Some(uid.to_string()), None),
        Target::Chat { chat } => (None, Some(melo_domain::ChatId(chat))),
    };
    calls::send_message(&SendRequest {
        target_id,
        chat_id,
        data: payload.ok_or(ApiError::Request)?,
        client_id: Some(id),
    })
}
