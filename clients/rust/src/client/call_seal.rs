//! Sealing what one says in a call, and opening what others say.

use std::sync::Arc;

use melo_domain::{CallId, ChatId, DeviceHandle, LogId, MessageId, Uid};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::call::{CallHeard, CallWords};
use super::messages::{Origin, Proof, Refusal};
use super::{Inner, call_plain};
use crate::crypto::call::{CallSignal, Said};
use crate::crypto::content::Content;
use crate::crypto::envelope::{Envelope, EnvelopeError};
use crate::crypto::rsa_keys::EncryptionKey;
use crate::error::ClientError;
use crate::socket::CallSaid;

impl Inner {
    /// Seals what is said in a call: for one device, or for all of a person where none is named.
    pub(super) async fn seal_call(
        &self,
        words: &CallWords,
        said: Said,
        client_id: Uuid,
    ) -> Result<String, ClientError> {
        self.ensure_published().await?;
        let target = words.target.ok_or(EnvelopeError::Recipients)?;
        let log = match words.chat {
            Some(chat) => chat,
            None => self.contact(target).await?.log,
        };
        let devices = self.call_devices(target, words.device).await?;
        let content = Content::Call(CallSignal {
            call_id: words.call_id,
            said,
        });
        let context = self.context(log, client_id);
        Ok(Envelope::seal(&context, &content, &devices, &self.secrets.signing)?.to_json()?)
    }

    async fn call_devices(
        &self,
        target: Uid,
        device: Option<DeviceHandle>,
    ) -> Result<Vec<EncryptionKey>, ClientError> {
        let known = |inner: &Self| {
            let state = inner.state();
            let person = state.people.get(&target)?;
            match device {
                Some(device) => person.recipient(device).map(|key| vec![key]),
                None => Some(person.recipients()).filter(|_| !person.stale),
            }
        };
        if let Some(keys) = known(self).filter(|keys| !keys.is_empty()) {
            return Ok(keys);
        }
        self.refresh_person(target).await?;
        known(self)
            .filter(|keys| !keys.is_empty())
            .ok_or(ClientError::NoDevices(target))
    }

    /// Opens what somebody said in a call. Errors are of the network.
    pub(super) async fn hear(&self, said: CallSaid) -> Result<CallHeard, ClientError> {
        let call_id: Option<CallId> = said.call_id.as_ref().and_then(text_of);
        let device: Option<DeviceHandle> = said.device.as_ref().and_then(text_of);
        let chat = said.chat_id.map(|ChatId(log)| log);
        let signal = match (&said.payload, call_id) {
            (Some(payload), Some(call)) if said.verified != Some(false) => {
                Some(self.open_call(&said, payload, call, device, chat).await?)
            }
            _ => None,
        };
        let plain = match signal {
            None => call_plain::read(&said),
            Some(_) => None,
        };
        Ok(CallHeard {
            plain,
            call_id,
            chat,
            from: said.from,
            device,
            media: said
                .media
                .as_ref()
                .and_then(|m| serde_json::from_value(m.clone()).ok()),
            kind: said.kind,
            speaking: said.speaking,
            signal,
        })
    }

    async fn open_call(
        &self,
        said: &CallSaid,
        payload: &RawValue,
        call: CallId,
        device: Option<DeviceHandle>,
        chat: Option<LogId>,
    ) -> Result<Result<(Said, Proof), Refusal>, ClientError> {
        let log = match chat {
            Some(chat) => chat,
            None => self.contact(said.from).await?.log,
        };
        // It is in no log: of the place only the log counts.
        let origin = Origin {
            id: MessageId { log, seq: 0 },
            from: said.from,
            device,
            at: self.clock.now(),
            chat: false,
        };
        let (device, signing) = match self.sender(origin).await? {
            Ok(sender) => sender,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let envelope = match Envelope::parse(payload.get()) {
            Ok(envelope) => envelope,
            Err(error) => return Ok(Err(Refusal::Envelope(error))),
        };
        let (secrets, from) = (Arc::clone(&self.secrets), said.from);
        let opening = tokio::task::spawn_blocking(move || {
            envelope.open(log, from, device, &signing, &secrets.encryption)
        });
        let opened = opening.await.map_err(|_| ClientError::Stopping)?;
        Ok(match opened {
            Ok(Content::Call(signal)) => {
                believe(signal, call, &said.kind).map(|said| (said, self.proof(from)))
            }
            Ok(_) => Err(Refusal::OtherMessage),
            Err(error) => Err(Refusal::Envelope(error)),
        })
    }
}

/// What was sealed must have been said in this call, and as this frame.
fn believe(signal: CallSignal, call: CallId, kind: &str) -> Result<Said, Refusal> {
    let kind = if kind == "ice_candidate" {
        "candidate"
    } else {
        kind
    };
    if signal.call_id == call && signal.said.name() == kind {
        Ok(signal.said)
    } else {
        Err(Refusal::OtherMessage)
    }
}

fn text_of<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(call: u128) -> CallSignal {
        CallSignal {
            call_id: CallId(Uuid::from_u128(call)),
            said: Said::Offer { sdp: String::new() },
        }
    }

    #[test]
    fn what_was_said_elsewhere_is_not_believed() {
        let call = CallId(Uuid::from_u128(1));
        assert!(believe(signal(1), call, "offer").is_ok());
        for (other, kind) in [(2, "offer"), (1, "answer"), (1, "call_signal")] {
            assert_eq!(
                believe(signal(other), call, kind),
                Err(Refusal::OtherMessage)
            );
        }
    }
}
