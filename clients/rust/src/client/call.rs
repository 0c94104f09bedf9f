//! Calls: what is said in one is sealed for the device it is for, and believed as far as its signature goes. How media
//! reaches the other device is not this module's business.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use melo_domain::{CallId, DeviceHandle, LogId, Media, MessageId, Timestamp, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::frame::{CallRecordBody, CallRoster, CallStateFrame, ErrorFrame};
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use super::engine::Engine;
use super::events::Event;
use super::live::Wishes;
use super::messages::{Proof, Refusal};
use super::over::Over;
use super::{Client, Inner, Live, call_plain};
use crate::crypto::call::{Fingerprint, Said};
use crate::crypto::envelope::EnvelopeError;
use crate::crypto::random;
use crate::crypto::short_code::{CallSide, ShortCode};
use crate::error::ClientError;
use crate::socket::{CallIncoming, CallOutgoing, Connection};

/// Frames about calls that wait for a connection, at most.
const WAITING: usize = 512;
/// What waited for longer is of no use any more.
const STALE: Duration = Duration::from_secs(30);

/// What happens in calls.
#[derive(Debug)]
pub enum CallEvent {
    /// A call is not what it was; with a `client_id` the answer to a frame of one's own.
    State(CallStateFrame<'static>),
    /// Who is in a chat's call.
    Roster(CallRoster),
    /// Somebody says something.
    Heard(CallHeard),
    /// A call is over: its record, in the log.
    Record {
        /// Where it stands.
        id: MessageId,
        /// When it was written.
        at: Timestamp,
        /// What it says.
        record: CallRecordBody,
    },
    /// A frame of one's own was refused.
    Refused {
        /// The frame.
        client_id: Uuid,
        /// The call it was about.
        call_id: CallId,
        /// The stable code.
        code: ErrorCode,
        /// What happened and what to do, for a person.
        detail: String,
    },
}

/// Something that somebody said in a call.
#[derive(Debug)]
pub struct CallHeard {
    /// The call, if it has a name this client understands.
    pub call_id: Option<CallId>,
    /// The chat, of a chat's call.
    pub chat: Option<LogId>,
    /// Who.
    pub from: Uid,
    /// With which device.
    pub device: Option<DeviceHandle>,
    /// The frame's type: `offer`, `call_accept`, …
    pub kind: String,
    /// What is in the call.
    pub media: Option<Media>,
    /// Whether somebody begins to speak.
    pub speaking: Option<bool>,
    /// What was sealed, and who vouches for it; of a frame without anything sealed nothing.
    pub signal: Option<Result<(Said, Proof), Refusal>>,
    /// What an existing client said in plain: nobody vouches for it.
    pub plain: Option<Plain>,
}

/// Something that is said in plain, as existing clients do.
#[derive(Debug, Clone)]
pub struct Plain {
    /// What.
    pub said: Said,
    /// Whether a description stands in an object, as browsers make it, and not as its text alone.
    pub object: bool,
}

/// What to say in a call.
#[derive(Debug, Clone)]
pub struct CallWords {
    /// The call: a new one has an id of the caller's making.
    pub call_id: CallId,
    /// The other person, or the one within a chat's call.
    pub target: Option<Uid>,
    /// The chat, of a chat's call.
    pub chat: Option<LogId>,
    /// The one device it is for; all that ring where there is none.
    pub device: Option<DeviceHandle>,
    /// What is in the call.
    pub media: Option<Media>,
}

/// What one does in a call, besides saying something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallDeed {
    /// Begins a chat's call, or one whose offer comes later.
    Start,
    /// Answers.
    Accept,
    /// Declines.
    Reject,
    /// Is in another call.
    Busy,
    /// Hangs up, or leaves.
    End,
    /// Hears the other one.
    Connected,
    /// Joins a chat's call.
    Join,
    /// Takes the call over from another device of one's own.
    Transfer,
    /// Begins or ceases to speak.
    Speaking(bool),
}

impl CallDeed {
    fn kind(self) -> &'static str {
        match self {
            Self::Start => "call_start",
            Self::Accept => "call_accept",
            Self::Reject | Self::Busy => "call_reject",
            Self::End => "call_end",
            Self::Connected => "call_connected",
            Self::Join => "call_join",
            Self::Transfer => "call_transfer",
            Self::Speaking(_) => "call_speaking",
        }
    }
}

/// A frame that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallFrame {
    pub(super) client_id: Uuid,
    pub(super) call_id: CallId,
    /// For whose devices it is sealed.
    pub(super) target: Option<Uid>,
    pub(super) text: String,
}

/// Frames that wait to be sent, in their order.
#[derive(Debug, Default)]
pub(super) struct CallQueue {
    waiting: VecDeque<(Instant, CallFrame)>,
}

impl CallQueue {
    pub(super) fn put(&mut self, frame: CallFrame, now: Instant) -> Result<(), ClientError> {
        if self.waiting.len() >= WAITING {
            return Err(ClientError::TooManyCallFrames);
        }
        self.waiting.push_back((now, frame));
        Ok(())
    }

    pub(super) fn take(&mut self, now: Instant) -> Vec<CallFrame> {
        let all = std::mem::take(&mut self.waiting);
        let fresh = all.into_iter().filter(|(since, _)| *since + STALE > now);
        fresh.map(|(_, frame)| frame).collect()
    }
}

impl Client {
    /// An id for a new call.
    pub fn new_call_id() -> Result<CallId, ClientError> {
        Ok(CallId(random::uuid().map_err(EnvelopeError::from)?))
    }

    /// The four emoji of a call with `peer`: `own` and `theirs` are the fingerprints in the two descriptions.
    pub async fn short_code(
        &self,
        call: CallId,
        peer: Uid,
        own: Fingerprint,
        theirs: Fingerprint,
    ) -> Result<ShortCode, ClientError> {
        let identity = self
            .inner
            .state()
            .people
            .get(&peer)
            .and_then(crate::keystore::Person::identity);
        let one = CallSide {
            identity: self.inner.secrets.identity.public(),
            fingerprint: own,
        };
        let other = CallSide {
            identity: identity.ok_or(ClientError::NoIdentity(peer))?,
            fingerprint: theirs,
        };
        let deriving = tokio::task::spawn_blocking(move || ShortCode::of(call, &one, &other));
        deriving.await.map_err(|_| ClientError::Stopping)
    }
}

/// Says and does things in calls over a live connection, for as long as that is there. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallLine {
    inner: Arc<Inner>,
    wishes: Arc<Wishes>,
}

impl Live {
    /// What to say and do things in calls with.
    pub fn call_line(&self) -> CallLine {
        CallLine {
            inner: Arc::clone(self.inner()),
            wishes: Arc::clone(self.wishes()),
        }
    }
}

impl CallLine {
    /// Says something in a call, sealed for the devices it is for. Returns the id under which a refusal comes.
    pub async fn say(&self, words: &CallWords, said: Said) -> Result<Uuid, ClientError> {
        let client_id = random::uuid().map_err(EnvelopeError::from)?;
        let kind = said.name();
        let sealed = self.inner.seal_call(words, said, client_id).await?;
        let payload = RawValue::from_string(sealed).map_err(|_| EnvelopeError::Malformed)?;
        let frame = CallOutgoing {
            payload: Some(&payload),
            ..outgoing(words, kind, client_id)
        };
        self.queue(words, &frame)
    }

    /// Says something to an existing client, which reads nothing that is sealed: anybody on the server's side can read
    /// and change it. Descriptions and ways alone.
    pub fn say_in_plain(&self, words: &CallWords, plain: &Plain) -> Result<Uuid, ClientError> {
        let client_id = random::uuid().map_err(EnvelopeError::from)?;
        let kind = plain.said.name();
        let frame = CallOutgoing {
            plain: call_plain::member(plain),
            ..outgoing(words, kind, client_id)
        };
        self.queue(words, &frame)
    }

    /// Does something in a call.
    pub fn act(&self, words: &CallWords, deed: CallDeed) -> Result<Uuid, ClientError> {
        let client_id = random::uuid().map_err(EnvelopeError::from)?;
        let speaking = match deed {
            CallDeed::Speaking(speaking) => Some(speaking),
            _ => None,
        };
        let frame = CallOutgoing {
            busy: deed == CallDeed::Busy,
            speaking,
            ..outgoing(words, deed.kind(), client_id)
        };
        self.queue(words, &frame)
    }

    fn queue(&self, words: &CallWords, frame: &CallOutgoing<'_>) -> Result<Uuid, ClientError> {
        self.wishes.call(CallFrame {
            client_id: frame.client_id,
            call_id: words.call_id,
            target: words.target,
            text: frame.text(),
        })?;
        Ok(frame.client_id)
    }
}

fn outgoing(words: &CallWords, kind: &'static str, client_id: Uuid) -> CallOutgoing<'static> {
    CallOutgoing {
        kind,
        call_id: words.call_id,
        client_id,
        target: words.target,
        // A frame is for a person or for a chat; within a chat's call the call's id says which chat.
        chat: words.chat.filter(|_| words.target.is_none()),
        device: words.device,
        media: words.media,
        busy: false,
        speaking: None,
        payload: None,
        plain: None,
    }
}

impl Engine {
    /// Sends what waits for calls; it does not wait for this device to have caught up.
    pub(super) async fn flush_calls(&mut self, connection: &mut Connection) -> Result<(), Over> {
        for frame in self.wishes.take_calls() {
            if self.call_frames.len() >= WAITING {
                self.call_frames.pop_front();
            }
            let CallFrame {
                client_id,
                call_id,
                target,
                text,
            } = frame;
            self.call_frames.push_back((client_id, call_id, target));
            connection.send(text).await?;
        }
        Ok(())
    }

    /// Whether a refusal is that of a frame about a call; it is told then.
    pub(super) async fn call_refused(&mut self, error: &ErrorFrame) -> Result<bool, Over> {
        let sent = self
            .call_frames
            .iter()
            .position(|(id, ..)| Some(*id) == error.client_id);
        let Some((client_id, call_id, target)) = sent.and_then(|at| self.call_frames.remove(at))
        else {
            return Ok(false);
        };
        if let Some(target) = target.filter(|_| error.code == ErrorCode::DeviceMismatch) {
            // Said again, it is sealed for the devices there are then.
            if let Some(person) = self.inner.state().people.get_mut(&target) {
                person.stale = true;
            }
        }
        self.emit(Event::Call(CallEvent::Refused {
            client_id,
            call_id,
            code: error.code,
            detail: error.detail.clone(),
        }))
        .await?;
        Ok(true)
    }

    /// What the server says of calls. Whether something of a log was taken.
    pub(super) async fn call(&mut self, frame: CallIncoming) -> Result<bool, Over> {
        let event = match frame {
            CallIncoming::State(state) => CallEvent::State(state),
            CallIncoming::Roster(roster) => CallEvent::Roster(roster),
            CallIncoming::Said(said) => match self.inner.hear(said).await {
                Ok(heard) => CallEvent::Heard(heard),
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "something said in a call was passed over");
                    return Ok(false);
                }
            },
            CallIncoming::Record(record) => {
                let id = MessageId {
                    log: record.log,
                    seq: record.seq,
                };
                if self.is_known(id) {
                    return Ok(false);
                }
                self.take(id);
                CallEvent::Record {
                    id,
                    at: record.at,
                    record: record.body,
                }
            }
        };
        let taken = matches!(event, CallEvent::Record { .. });
        self.emit(Event::Call(event)).await?;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_too_long_for_a_connection_is_not_said() {
        let mut queue = CallQueue::default();
        let (then, now) = (Instant::now(), Instant::now() + STALE);
        let frame = |n| CallFrame {
            client_id: Uuid::from_u128(n),
            call_id: CallId(Uuid::from_u128(9)),
            target: None,
            text: String::new(),
        };
        queue.put(frame(1), then).unwrap();
        queue.put(frame(2), now).unwrap();
        assert_eq!(queue.take(now), [frame(2)]);
        assert!(queue.take(now).is_empty());
        for _ in 0..WAITING {
            queue.put(frame(3), now).unwrap();
        }
        assert!(queue.put(frame(4), now).is_err());
    }
}
