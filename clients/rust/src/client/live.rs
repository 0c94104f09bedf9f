//! The live side of a client: a connection that comes back by itself, and what arrives on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use melo_domain::{LogId, MessageId, Uid};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::call::{CallFrame, CallQueue};
use super::engine::Engine;
use super::events::Event;
use super::{Client, Inner};
use crate::crypto::content::{Content, Written};
use crate::error::ClientError;
use crate::keystore::{Act, Target};

/// Events that wait for the application; beyond it the connection is read no further.
const EVENTS: usize = 1024;

/// What the application asks of the connection's task. Never full, so that neither waits for the other.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    wake: Notify,
    reads: Mutex<BTreeMap<LogId, (MessageId, Uid)>>,
    calls: Mutex<CallQueue>,
}

impl Wishes {
    /// Returns when there is something to do.
    pub(super) async fn any(&self) {
        self.wake.notified().await;
    }

    fn call_queue(&self) -> MutexGuard<'_, CallQueue> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame about a call goes out as soon as there is a connection.
    pub(super) fn call(&self, frame: CallFrame) -> Result<(), ClientError> {
        self.call_queue().put(frame, Instant::now())?;
        self.wake.notify_one();
        Ok(())
    }

    /// The frames about calls that wait, once.
    pub(super) fn take_calls(&self) -> Vec<CallFrame> {
        self.call_queue().take(Instant::now())
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
        self.inner.set_engaged(true);
        let inner = Arc::clone(&self.inner);
        let task = tokio::spawn(async move {
            engine.run().await;
            inner.set_engaged(false);
        });
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
    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(super) fn wishes(&self) -> &Arc<Wishes> {
        &self.wishes
    }

    /// Seals what was written, puts it into the outbox on disk and sends it as soon as there is a connection. The
    /// events say how far it gets, under the id returned.
    pub async fn send(
        &self,
        target: impl Into<Target>,
        written: impl Into<Written>,
    ) -> Result<Uuid, ClientError> {
        let content = Content::Text(written.into());
        self.act(target.into(), Act::Message, Some(&content)).await
    }

    /// Gives an own message another text.
    pub async fn edit(
        &self,
        target: impl Into<Target>,
        message: MessageId,
        written: impl Into<Written>,
    ) -> Result<Uuid, ClientError> {
        let written = written.into();
        let content = Content::Edit { message, written };
        self.act(target.into(), Act::Edit(message), Some(&content))
            .await
    }

    /// Says what one thinks of a message; an empty text takes it back.
    pub async fn react(
        &self,
        target: impl Into<Target>,
        message: MessageId,
        reaction: &str,
    ) -> Result<Uuid, ClientError> {
        let reaction = reaction.to_owned();
        let content = Content::Reaction { message, reaction };
        self.act(target.into(), Act::React(message), Some(&content))
            .await
    }

    /// Takes a message away, for everybody.
    pub async fn delete(
        &self,
        target: impl Into<Target>,
        message: MessageId,
    ) -> Result<Uuid, ClientError> {
        self.act(target.into(), Act::Delete(message), None).await
    }

    /// Shows a message on top, or no longer.
    pub async fn pin(
        &self,
        target: impl Into<Target>,
        message: MessageId,
        pinned: bool,
    ) -> Result<Uuid, ClientError> {
        let act = if pinned {
            Act::Pin(message)
        } else {
            Act::Unpin(message)
        };
        self.act(target.into(), act, None).await
    }

    async fn act(
        &self,
        target: Target,
        act: Act,
        content: Option<&Content>,
    ) -> Result<Uuid, ClientError> {
        let client_id = self.inner.enqueue(target, act, content).await?;
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
