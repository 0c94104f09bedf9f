//! The group-committing log writer: one task collects the events of all connections for as long as the
//! last commit takes, gives each the next sequence number of its log, and writes them in one transaction.
//! One fsync serves a whole batch, and no event is acknowledged before it.
//!
//! Sequence numbers are optimistic: the writer remembers the last one of each log and the primary key
//! `(log, seq)` refuses a number that another node, or a service's own transaction, has taken meanwhile;
//! then the batch is numbered anew. A rolled-back batch uses up nothing, so there are no gaps.

mod batch;
mod follow_up;
mod rows;

use std::sync::Arc;

use melo_domain::{Clock, DeviceHandle, EventKind, LogEvent, LogId, LogKind, Seq, Timestamp, Uid};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::{StorageError, Store};
pub(crate) use follow_up::follow_up;
pub(crate) use rows::insert_rows;

/// Events waiting for the writer, at most.
const QUEUE: usize = 4096;
/// Their payloads together, at most, in KiB.
const QUEUE_KIB: usize = 64 * 1024;
/// Events in one transaction, at most.
const BATCH: usize = 512;

/// An event that has no place yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Where it belongs.
    pub log: LogId,
    /// What happened.
    pub kind: EventKind,
    /// Who caused it.
    pub sender: Uid,
    /// From which device.
    pub device: Option<DeviceHandle>,
    /// The device's own id of it: the same twice is the same event.
    pub client_id: Option<Uuid>,
    /// JSON text.
    pub payload: Box<str>,
    /// The event before it that it concerns.
    pub target: Option<Target>,
    /// When its content is to be taken away again.
    pub expires: Option<Timestamp>,
    /// What its sender knew of the chat.
    pub guard: Option<Guard>,
}

/// An earlier event of the same log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// It is edited, reacted to.
    Changes(Seq),
    /// It is pinned.
    Pins(Seq),
    /// It is pinned no longer.
    Unpins(Seq),
    /// Its content is taken away, and that of all changes to it, in the same transaction.
    Erases(Seq),
}

impl Target {
    /// Where it is in its log.
    pub fn seq(self) -> Seq {
        match self {
            Self::Changes(seq) | Self::Pins(seq) | Self::Unpins(seq) | Self::Erases(seq) => seq,
        }
    }
}

/// What the sender's right to write was judged by. A change of members that came in between is noticed when the
/// event takes its place: nobody's event lies behind their removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// The last change of members that was known ([`crate::logs::Bounds::members_seq`]).
    pub members_seq: Seq,
    /// The event that brought the key which the content is sealed under.
    pub key_seq: Option<Seq>,
}

impl NewEvent {
    /// An event of the server's own, or of nobody's device.
    pub fn new(log: LogId, kind: EventKind, sender: Uid, payload: impl Into<Box<str>>) -> Self {
        Self {
            log,
            kind,
            sender,
            device: None,
            client_id: None,
            payload: payload.into(),
            target: None,
            expires: None,
            guard: None,
        }
    }

    pub(crate) fn at_position(self, seq: Seq, at: Timestamp) -> LogEvent {
        LogEvent {
            log: self.log,
            seq,
            kind: self.kind,
            sender: self.sender,
            device: self.device,
            client_id: self.client_id,
            at,
            payload: self.payload,
        }
    }
}

/// Where an event ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The log.
    pub log: LogId,
    /// The position in it.
    pub seq: Seq,
    /// When the server took it; for a repetition, when it took the first one.
    pub at: Timestamp,
}

impl From<&LogEvent> for Appended {
    fn from(event: &LogEvent) -> Self {
        Self {
            log: event.log,
            seq: event.seq,
            at: event.at,
        }
    }
}

/// Why an event was not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The `client_id` was used by this device in another log.
    #[error("client_id already used in another conversation")]
    ClientIdReused,
    /// The sender is not in the chat any more.
    #[error("the sender is no longer a member")]
    NotMember,
    /// What it concerns is gone.
    #[error("the event it concerns is gone")]
    TargetGone,
    /// Somebody was removed since the key was made.
    #[error("the key is older than the last removal")]
    StaleKey,
    /// The database failed; nothing was written. Logged where it happened.
    #[error("the database did not take the event")]
    Storage,
    /// The writer has stopped; nothing was written.
    #[error("the server is stopping")]
    Stopped,
}

/// Who is in a log.
#[derive(Debug, Clone)]
pub struct Audience {
    /// Of what kind the log is.
    pub kind: LogKind,
    /// Everybody in it.
    pub members: Arc<[Uid]>,
    /// The change of members that this was read after; 0 where members do not change.
    pub members_seq: Seq,
}

/// A committed event and whom it concerns.
#[derive(Debug)]
pub struct Committed {
    /// The event.
    pub event: LogEvent,
    /// The event before it that it concerns.
    pub target: Option<Target>,
    /// Everybody in the log.
    pub audience: Audience,
}

/// Receives events after their commit, in the order of their logs.
pub type CommitSink = Arc<dyn Fn(Committed) + Send + Sync>;

/// Resolves once the event is on disk, or was refused.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<Appended, AppendError>>);

impl Receipt {
    /// Of an event that was on disk before.
    pub fn of_earlier(event: Appended) -> Self {
        let (done, receipt) = oneshot::channel();
        let _ = done.send(Ok(event));
        Self(receipt)
    }
}

impl Future for Receipt {
    type Output = Result<Appended, AppendError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or(Err(AppendError::Stopped)))
    }
}

/// An event on its way.
struct Pending {
    event: NewEvent,
    audience: Audience,
    done: oneshot::Sender<Result<Appended, AppendError>>,
    _room: OwnedSemaphorePermit,
}

/// A handle to the writer. Cloning it is cheap; the writer stops when the last one is dropped.
#[derive(Clone)]
pub struct LogWriter {
    queue: mpsc::Sender<Pending>,
    room: Arc<Semaphore>,
}

impl LogWriter {
    /// Starts the writer's task on the current runtime. The task ends, with everything written, when all
    /// handles are gone.
    pub fn start(
        store: Store,
        clock: Arc<dyn Clock>,
        sink: CommitSink,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, incoming) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(store, clock, sink, incoming));
        (
            Self {
                queue,
                room: Arc::new(Semaphore::new(QUEUE_KIB)),
            },
            task,
        )
    }

    /// Puts an event into the queue and returns a receipt to wait for. Waits itself only while the queue is
    /// full; events of one caller keep their order.
    pub async fn append(
        &self,
        event: NewEvent,
        audience: Audience,
    ) -> Result<Receipt, AppendError> {
        let kib = u32::try_from(event.payload.len() / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await;
        let room = room.map_err(|_| AppendError::Stopped)?;
        let (done, receipt) = oneshot::channel();
        let pending = Pending {
            event,
            audience,
            done,
            _room: room,
        };
        self.queue
            .send(pending)
            .await
            .map_err(|_| AppendError::Stopped)?;
        Ok(Receipt(receipt))
    }
}

async fn run(
    store: Store,
    clock: Arc<dyn Clock>,
    sink: CommitSink,
    mut incoming: mpsc::Receiver<Pending>,
) {
    let mut writer = batch::BatchWriter::new(store);
    let mut waiting = Vec::with_capacity(BATCH);
    while incoming.recv_many(&mut waiting, BATCH).await > 0 {
        let events: Vec<NewEvent> = waiting.iter().map(|p| p.event.clone()).collect();
        match writer.commit(events, clock.now()).await {
            Ok(outcomes) => {
                for (pending, outcome) in waiting.drain(..).zip(outcomes) {
                    settle(pending, outcome, &sink);
                }
            }
            Err(error) => {
                report(&error, waiting.len());
                for pending in waiting.drain(..) {
                    // A caller that is gone needs no answer.
                    let _ = pending.done.send(Err(AppendError::Storage));
                }
            }
        }
    }
}

fn settle(pending: Pending, outcome: batch::Outcome, sink: &CommitSink) {
    // The sender's receipt goes first: nobody else's answer to the event can overtake it.
    match outcome {
        batch::Outcome::Written(event) => {
            let _ = pending.done.send(Ok(Appended::from(&event)));
            sink(Committed {
                event,
                target: pending.event.target,
                audience: pending.audience,
            });
        }
        batch::Outcome::Repeated(first) => {
            let _ = pending.done.send(Ok(first));
        }
        batch::Outcome::Refused(error) => {
            let _ = pending.done.send(Err(error));
        }
    }
}

fn report(error: &StorageError, lost: usize) {
    tracing::error!(%error, events = lost, "log writer: batch not committed");
}
