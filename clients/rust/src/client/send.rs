//! Sending. A message goes into the outbox on disk first and leaves it when the server says that it is
//! committed, or that it never will be.

use std::time::Duration;

use melo_domain::{LogId, Secret, Seq, Timestamp, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::rest::messages::{SendAnswer, SendRequest};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Client, Inner};
use crate::crypto::random;
use crate::error::ClientError;
use crate::keystore::Outgoing;
use crate::rest::{ApiError, calls};
use crate::socket::Backoff;

/// How often a message is sealed anew when the devices change under it.
pub(super) const MAX_RESEALS: u32 = 3;
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
    /// Sends a text over REST, after whatever is still in the outbox, and waits until the server has it on
    /// disk. On a transient error the message stays in the outbox: the next send or live connection delivers
    /// it, once.
    pub async fn send(&self, target: Uid, text: &str) -> Result<Sent, ClientError> {
        let client_id = self.inner.enqueue(target, text).await?;
        loop {
            let Some(first) = self.inner.state().outbox.first().cloned() else {
                return Err(ClientError::Stopping);
            };
            match self.inner.post(&first).await {
                Ok(sent) => {
                    self.inner.note_own(sent.log, sent.seq);
                    self.inner.leave_outbox(first.client_id);
                    self.inner.save().await?;
                    if first.client_id == client_id {
                        return Ok(sent);
                    }
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    self.inner.leave_outbox(first.client_id);
                    self.inner.save().await?;
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
    /// Seals a text and puts it into the outbox, on disk.
    pub(super) async fn enqueue(&self, target: Uid, text: &str) -> Result<Uuid, ClientError> {
        self.ensure_published().await?;
        let client_id = random::uuid()?;
        let payload = self.seal_text(target, text, client_id, false).await?;
        let text = Secret::new(text.to_owned());
        self.state().outbox.push(Outgoing {
            client_id,
            target,
            text,
            payload,
            resealed: 0,
        });
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

    /// Seals a message in the outbox anew for the devices there are now, under its own id. An error says
    /// that it cannot be sent.
    pub(super) async fn reseal(&self, outgoing: &Outgoing) -> Result<(), ClientError> {
        let Outgoing {
            target, client_id, ..
        } = *outgoing;
        let payload = self
            .seal_text(target, outgoing.text.expose(), client_id, true)
            .await?;
        // Asked again after it was sealed for everybody whose keys hold: the rest have none that do.
        if outgoing.resealed + 1 >= MAX_RESEALS {
            let refused = self
                .fetch_directory(target)
                .await?
                .is_some_and(|d| !d.refused.is_empty());
            if refused {
                return Err(ClientError::UnsignedDevice(target));
            }
        }
        if let Some(entry) = self
            .state()
            .outbox
            .iter_mut()
            .find(|o| o.client_id == client_id)
        {
            entry.payload = payload;
            entry.resealed += 1;
        }
        self.save().await
    }

    async fn post(&self, outgoing: &Outgoing) -> Result<Sent, ClientError> {
        let client_id = outgoing.client_id;
        let (mut payload, mut resealed) = (outgoing.payload.clone(), outgoing.resealed);
        let mut backoff = Backoff::default();
        let mut attempt = 1;
        loop {
            let request = SendRequest {
                target_id: Some(outgoing.target.to_string()),
                chat_id: None,
                data: RawValue::from_string(payload.clone()).map_err(|_| ApiError::Request)?,
                client_id: Some(client_id),
            };
            match self.call(&calls::send_message(&request)?).await {
                Ok(SendAnswer { log, seq, at, .. }) => {
                    return Ok(Sent {
                        client_id,
                        log,
                        seq,
                        at,
                    });
                }
                Err(error)
                    if error.code() == Some(ErrorCode::DeviceMismatch)
                        && resealed < MAX_RESEALS =>
                {
                    self.reseal(&Outgoing {
                        resealed,
                        ..outgoing.clone()
                    })
                    .await?;
                    resealed += 1;
                    let state = self.state();
                    if let Some(entry) = state.outbox.iter().find(|o| o.client_id == client_id) {
                        payload.clone_from(&entry.payload);
                    }
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
}
