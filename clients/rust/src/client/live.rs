//! The live side of a client: a connection that comes back by itself, and what arrives on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use melo_domain::{DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::frame::StatusKind;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::engine::Engine;
use super::messages::Message;
use super::{Client, Inner};
use crate::error::ClientError;

/// Events that wait for the application; beyond it the connection is read no further.
const EVENTS: usize = 1024;

/// What happens on a live connection.
#[derive(Debug)]
pub enum Event {
    /// Everything that was missed is here; what is sent goes out at once.
    Synced,
    /// The connection is gone; it is tried again.
    Disconnected {
        /// What was lost, for a person.
        reason: String,
        /// How long until the next attempt.
        retry_in: Duration,
    },
    /// A message arrived, or one's own other device sent one.
    Message(Message),
    /// How far messages of this account got. `Delivered` and `Read` speak for all messages of the log up to `seq`.
    Status {
        /// The message, when this device sent it; with `Queued`.
        client_id: Option<Uuid>,
        /// How far.
        status: StatusKind,
        /// Whom the message is for.
        to: Uid,
        /// The conversation.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// A message will not be sent.
    SendFailed {
        /// The message.
        client_id: Uuid,
        /// Why.
        error: SendError,
    },
    /// Somebody asks to become a contact.
    ContactRequest {
        /// Who.
        from: Uid,
        /// Their phone, unless they keep it to themselves.
        phone: Option<String>,
    },
    /// Somebody accepted one's request.
    ContactConfirmed {
        /// Who.
        from: Uid,
    },
    /// The devices of a contact, or one's own, changed.
    KeysChanged {
        /// Whose.
        uid: Uid,
        /// The identity is another one: nothing is sent to them until it is trusted.
        identity_changed: bool,
    },
    /// Somebody, one's own self one hopes, signed in to the account on another device.
    NewDevice {
        /// The device.
        device: DeviceHandle,
        /// What its program calls itself.
        name: String,
        /// Where it signed in from.
        address: String,
    },
    /// Something happened to the account that its owner should know.
    SecurityAlert {
        /// What, by a name that never changes meaning.
        alert: String,
        /// The device it is about.
        device: DeviceHandle,
    },
    /// A contact deleted their account: nothing can be written to them any more.
    ContactGone {
        /// Who it was.
        uid: Uid,
    },
    /// Messages before `first_seq` are gone; this device missed them.
    Missed {
        /// The conversation.
        log: LogId,
        /// The oldest message there is.
        first_seq: Seq,
    },
    /// The connection is over and is not tried again.
    Ended(Ended),
}

/// Why a message will not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server refuses it.
    #[error("{detail}")]
    Refused {
        /// The stable code.
        code: ErrorCode,
        /// What happened and what to do, for a person.
        detail: String,
    },
    /// It cannot be sealed for the devices there are now.
    #[error(transparent)]
    Seal(ClientError),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The server asks not to come back.
    #[error("the server ended the connection: {reason} ({code})")]
    Refused {
        /// The close code.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// Something on this side.
    #[error(transparent)]
    Failed(#[from] ClientError),
}

/// What the application asks of the connection's task. Never full, so that neither waits for the other.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    wake: Notify,
    reads: Mutex<BTreeMap<LogId, (MessageId, Uid)>>,
}

impl Wishes {
    /// Returns when there is something to do.
    pub(super) async fn any(&self) {
        self.wake.notified().await;
    }

    /// The last message read of each conversation, once.
    pub(super) fn take_reads(&self) -> BTreeMap<LogId, (MessageId, Uid)> {
        std::mem::take(&mut self.reads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, message: MessageId, from: Uid) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let last = reads.entry(message.log).or_insert((message, from));
        if message.seq > last.0.seq {
            *last = (message, from);
        }
    }
}

/// The sending side of a live connection. Dropping it ends the connection.
#[derive(Debug)]
pub struct Live {
    inner: Arc<Inner>,
    wishes: Arc<Wishes>,
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inner({})", self.uid)
    }
}

/// The receiving side of a live connection.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    /// The next event; `None` once the connection was closed from this side or [`Event::Ended`] was given.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

impl Client {
    /// Connects and stays connected: reconnects with growing waits, resumes after the last event handled, sends
    /// again what was not acknowledged.
    pub fn live(&self) -> (Live, Events) {
        let wishes = Arc::new(Wishes::default());
        let (event_sender, events) = mpsc::channel(EVENTS);
        let (closing, closed) = watch::channel(false);
        let engine = Engine::new(
            Arc::clone(&self.inner),
            Arc::clone(&wishes),
            event_sender,
            closed,
        );
        let task = tokio::spawn(engine.run());
        (
            Live {
                inner: Arc::clone(&self.inner),
                wishes,
                closing,
                task,
            },
            Events(events),
        )
    }
}

impl Live {
    /// Seals a text, puts it into the outbox on disk and sends it as soon as there is a connection. The
    /// events say how far it gets, under the id returned.
    pub async fn send(&self, target: Uid, text: &str) -> Result<Uuid, ClientError> {
        let client_id = self.inner.enqueue(target, text).await?;
        self.wishes.wake.notify_one();
        Ok(client_id)
    }

    /// Tells the sender that this message and all before it were read.
    pub fn mark_read(&self, message: MessageId, from: Uid) {
        self.wishes.read(message, from);
        self.wishes.wake.notify_one();
    }

    /// Ends the connection; everything handled so far is on disk when it returns.
    pub async fn close(self) {
        let _ = self.closing.send(true);
        let _ = self.task.await;
    }
}
