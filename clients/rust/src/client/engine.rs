//! The task behind a live connection.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use melo_domain::{CallId, LogId, MessageId, Secret, Seq, Uid};
use melo_protocol::frame::MAX_RESUME_CURSORS;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::Inner;
use super::chat_log::Parked;
use super::events::Event;
use super::live::Wishes;
use super::over::Over;
use super::progress::Progress;
use crate::error::ClientError;
use crate::keystore::{Outgoing, Target};
use crate::socket::{self, Backoff, Closed, ConnectError, Connection};

/// How often the task looks after what is due.
const TICK: Duration = Duration::from_secs(1);
/// The server pings every 25 s: after three missed ones the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(80);
/// How long a gap in a log may last before it is asked for.
const GAP_PATIENCE: Duration = Duration::from_secs(3);
/// The most messages that wait for an answer at once, each of another conversation: within one, the next waits
/// for the answer to the one before, so that a refusal (rate limit, changed devices) never changes the order.
const WINDOW: usize = 32;

/// The state of the task; what is about one connection only starts over with each.
pub(super) struct Engine {
    pub(super) inner: Arc<Inner>,
    pub(super) wishes: Arc<Wishes>,
    events: mpsc::Sender<Event>,
    closing: watch::Receiver<bool>,
    backoff: Backoff,
    refused_token: Option<Secret>,
    pub(super) progress: Progress,
    /// Messages sent on this connection that wait for an answer.
    pub(super) in_flight: HashMap<Uuid, Target>,
    /// Nothing is sent before: the server asked to slow down.
    pub(super) paused_until: Option<Instant>,
    /// `synced` frames that are still to come before this device has caught up.
    pub(super) awaited_syncs: usize,
    /// Frames about calls that were sent lately: a refusal that names one is theirs.
    pub(super) call_frames: VecDeque<(Uuid, CallId, Option<Uid>)>,
    /// Messages of chats whose key has not come.
    pub(super) parked: Parked,
    gap_since: Option<Instant>,
    token: Option<Secret>,
}

enum Step {
    Frames(Result<Vec<socket::Incoming>, Closed>),
    Wish,
    Tick,
    Closing,
}

impl Engine {
    pub(super) fn new(
        inner: Arc<Inner>,
        wishes: Arc<Wishes>,
        events: mpsc::Sender<Event>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            inner,
            wishes,
            events,
            closing,
            backoff: Backoff::default(),
            refused_token: None,
            progress: Progress::default(),
            in_flight: HashMap::new(),
            paused_until: None,
            awaited_syncs: 0,
            call_frames: VecDeque::new(),
            parked: Parked::default(),
            gap_since: None,
            token: None,
        }
    }

    /// Runs until the application closes or nothing helps.
    pub(super) async fn run(mut self) {
        loop {
            let over = match self.connect().await {
                Ok(mut connection) => {
                    let over = self.serve(&mut connection).await;
                    self.inner.set_live(false);
                    connection.close().await;
                    over
                }
                Err(over) => over,
            };
            let (reason, wait) = match over {
                Over::Closing => return,
                Over::Fatal(ended) => {
                    let _ = self.emit(Event::Ended(ended)).await;
                    return;
                }
                Over::Unauthorized(reason) if self.refused_token.is_none() => {
                    self.refused_token = self.token.take();
                    (reason, Duration::ZERO)
                }
                Over::Unauthorized(_) => {
                    let _ = self.emit(Event::Ended(ClientError::SignedOut.into())).await;
                    return;
                }
                Over::Lost { reason, after } => {
                    let asked =
                        after.map(|a| a + socket::jitter(a.max(Duration::from_secs(1)) / 2));
                    (reason, asked.unwrap_or_else(|| self.backoff.next_wait()))
                }
            };
            if self
                .emit(Event::Disconnected {
                    reason,
                    retry_in: wait,
                })
                .await
                .is_err()
                || !self.pause(wait).await
            {
                return;
            }
        }
    }

    async fn connect(&mut self) -> Result<Connection, Over> {
        let token = self.inner.access_token(self.refused_token.as_ref()).await?;
        self.token = Some(token.clone());
        let inner = Arc::clone(&self.inner);
        let opening = Connection::open(
            &inner.tls,
            inner.address.wss(),
            &token,
            &inner.user_agent,
            true,
        );
        tokio::select! {
            opened = opening => opened.map_err(|error| match error {
                ConnectError::Unauthorized => Over::Unauthorized(error.to_string()),
                ConnectError::Untrusted(why) => {
                    Over::Fatal(ClientError::Api(crate::rest::ApiError::Untrusted(why)).into())
                }
                ConnectError::Address => {
                    Over::Fatal(ClientError::Address(crate::address::AddressError::WebSocket).into())
                }
                ConnectError::Unreachable(_) | ConnectError::Refused(_) => {
                    Over::Lost { reason: error.to_string(), after: None }
                }
            }),
            _ = self.closing.changed() => Err(Over::Closing),
        }
    }

    /// Waits before the next attempt; false when the application closes.
    async fn pause(&mut self, wait: Duration) -> bool {
        tokio::select! {
            () = sleep(wait) => true,
            _ = self.closing.changed() => false,
        }
    }

    /// Serves one connection until it is over.
    async fn serve(&mut self, connection: &mut Connection) -> Over {
        self.in_flight.clear();
        self.gap_since = None;
        self.progress.start_over();
        if let Err(closed) = self.resume(connection).await {
            return closed.into();
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                frames = connection.next_batch() => Step::Frames(frames),
                () = self.wishes.any() => Step::Wish,
                _ = ticks.tick() => Step::Tick,
                _ = self.closing.changed() => Step::Closing,
            };
            let done = match step {
                Step::Frames(Ok(frames)) => self.handle(connection, frames).await,
                Step::Frames(Err(closed)) => Err(closed.into()),
                Step::Wish => Ok(()),
                Step::Tick => self.tick(connection).await,
                Step::Closing => Err(Over::Closing),
            };
            let done = match done {
                Ok(()) => self.flush(connection).await,
                Err(over) => Err(over),
            };
            if let Err(over) = done {
                return over;
            }
        }
    }

    async fn resume(&mut self, connection: &mut Connection) -> Result<(), Closed> {
        let frames = in_frames(self.inner.state().cursors.clone());
        self.awaited_syncs = frames.len();
        for cursors in frames {
            connection.send(socket::resume(&cursors)).await?;
        }
        Ok(())
    }

    async fn tick(&mut self, connection: &mut Connection) -> Result<(), Over> {
        if connection.last_heard().elapsed() > SILENCE {
            return Err(Over::Lost {
                reason: "the server fell silent".to_owned(),
                after: None,
            });
        }
        if self.inner.clock.now() >= self.inner.state().tokens.access_renew {
            match self.inner.access_token(None).await {
                Ok(token)
                    if self
                        .token
                        .as_ref()
                        .is_none_or(|t| t.expose() != token.expose()) =>
                {
                    connection.send(socket::reauth(&token)).await?;
                    self.token = Some(token);
                }
                Ok(_) => {}
                Err(error) if error.is_transient() => {
                    tracing::info!(%error, "the access token is renewed later");
                }
                Err(error) => return Err(error.into()),
            }
        }
        let touched = self.absorb();
        if !touched.is_empty() {
            self.inner.save().await?;
            self.acknowledge(connection, touched).await?;
        }
        self.fill_gaps(connection).await
    }

    /// Counts the events that this device wrote by calls as handled: it is not sent them. The logs they are in.
    pub(super) fn absorb(&mut self) -> BTreeSet<LogId> {
        let appended = self.inner.take_appended();
        let mut state = self.inner.state();
        for MessageId { log, seq } in &appended {
            self.progress.take_own(&mut state.cursors, *log, *seq);
        }
        appended.into_iter().map(|event| event.log).collect()
    }

    /// Asks for events that did not come although later ones did.
    async fn fill_gaps(&mut self, connection: &mut Connection) -> Result<(), Over> {
        if !self.progress.has_gaps() || !self.progress.is_synced() {
            self.gap_since = None;
        } else if self.gap_since.get_or_insert_with(Instant::now).elapsed() > GAP_PATIENCE {
            self.gap_since = Some(Instant::now());
            let gaps = self.progress.gaps(&self.inner.state().cursors);
            for cursors in in_frames(gaps) {
                connection.send(socket::resume(&cursors)).await?;
            }
        }
        Ok(())
    }

    /// Sends what waits: read marks, and messages as far as the window goes.
    async fn flush(&mut self, connection: &mut Connection) -> Result<(), Over> {
        self.flush_calls(connection).await?;
        if !self.progress.is_synced() {
            return Ok(());
        }
        for (_, (message, from)) in self.wishes.take_reads() {
            connection.send(socket::ack_read(message, from)).await?;
        }
        if self
            .paused_until
            .is_some_and(|until| Instant::now() < until)
        {
            return Ok(());
        }
        self.paused_until = None;
        let room = WINDOW.saturating_sub(self.in_flight.len());
        let mut busy: HashSet<Target> = self.in_flight.values().copied().collect();
        let due: Vec<_> = {
            let state = self.inner.state();
            let next = state.outbox.iter().filter(|o| busy.insert(o.target));
            next.take(room).cloned().collect()
        };
        for outgoing in due {
            self.transmit(connection, outgoing).await?;
        }
        Ok(())
    }

    /// Sends something from the outbox.
    async fn transmit(
        &mut self,
        connection: &mut Connection,
        mut outgoing: Outgoing,
    ) -> Result<(), Over> {
        let client_id = outgoing.client_id;
        if outgoing.is_unsealed() {
            if let Err(error) = self.inner.seal_waiting(&outgoing).await {
                return self.not_sealed(client_id, error).await;
            }
            match self.inner.waiting(client_id) {
                Some(sealed) => outgoing = sealed,
                None => return Ok(()),
            }
        }
        let text = std::mem::take(&mut outgoing.payload);
        let payload = if text.is_empty() {
            None
        } else if let Ok(payload) = RawValue::from_string(text) {
            Some(payload)
        } else {
            // Sealed by this program, so it is JSON; an unreadable one would block those after it.
            self.inner.leave_outbox(client_id);
            return Ok(());
        };
        let target = outgoing.target;
        let frame = socket::outgoing(outgoing.act, target, payload.as_deref(), client_id);
        connection.send(frame).await?;
        self.in_flight.insert(client_id, target);
        Ok(())
    }

    /// Acknowledges the logs in `touched` as far as there is no gap.
    pub(super) async fn acknowledge(
        &mut self,
        connection: &mut Connection,
        touched: BTreeSet<LogId>,
    ) -> Result<(), Over> {
        for log in touched {
            let seq = self.inner.state().cursors.get(&log).copied().unwrap_or(0);
            if seq > 0 {
                connection.send(socket::ack(log, seq)).await?;
            }
        }
        Ok(())
    }

    /// This device has caught up.
    pub(super) fn caught_up(&mut self) {
        self.progress.synced();
        self.inner.set_live(true);
        self.backoff.reset();
        self.refused_token = None;
    }

    /// Gives an event to the application, waiting for room.
    pub(super) async fn emit(&mut self, event: Event) -> Result<(), Over> {
        tokio::select! {
            sent = self.events.send(event) => sent.map_err(|_| Over::Closing),
            _ = self.closing.changed() => Err(Over::Closing),
        }
    }
}

/// Cursors as they go into frames; at least one frame.
fn in_frames(cursors: BTreeMap<LogId, Seq>) -> Vec<BTreeMap<LogId, Seq>> {
    let cursors: Vec<_> = cursors.into_iter().collect();
    let mut frames: Vec<_> = cursors
        .chunks(MAX_RESUME_CURSORS)
        .map(|chunk| chunk.iter().copied().collect())
        .collect();
    if frames.is_empty() {
        frames.push(BTreeMap::new());
    }
    frames
}
