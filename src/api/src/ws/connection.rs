//! One connection's socket I/O: what comes in is handed to `dispatch`, what the hub queued is written out,
//! in one task. Everything it waits for is bounded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode as WsCloseCode, CloseReason,
    ProtocolError,
};
use bytestring::ByteString;
use melo_domain::Timestamp;
use melo_protocol::{CloseCode, MAX_FRAME_BYTES};
use melo_realtime::{Budget, Close, Outbound, Outbox, Registration};
use melo_services::account;
use melo_services::bans;
use melo_services::live::{LiveSession, Step};
use melo_services::messages::Accepted;
use melo_services::presence;
use melo_services::{Caller, Core};
use tokio::time::{Instant, MissedTickBehavior};

use super::calls::Attended;

/// Between two pings of the server; two without an answer end the connection.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// Payload of pings whose answer confirms what was written before them. The heartbeat's have none: its answer
/// may be on its way while more is written.
const RECEIPT: &[u8] = b"receipt";
/// Messages of this connection on their way to the disk, at most. Then no more frames are read.
const MAX_IN_FLIGHT: usize = 64;
/// How long a client that sends `?resume=1` may take to send its `resume`.
const RESUME_WITHIN: Duration = Duration::from_secs(10);
/// How long messages on their way to the disk are waited for when the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(3);
/// How long writing the close frame may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// The connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// Closed by us, for this reason.
    Close(Close),
    /// Closed by the peer, or lost.
    Gone,
}

impl End {
    pub(super) fn because(code: CloseCode, reason: &str) -> Self {
        Self::Close(Close {
            code,
            reason: reason.to_owned(),
        })
    }
}

/// One connection.
pub(super) struct Connection {
    pub(super) core: Arc<Core>,
    caller: Caller,
    socket: actix_ws::Session,
    outbox: Arc<Outbox>,
    pub(super) registration: Registration,
    /// Frames of any kind; messages have the person's own budget.
    pub(super) frames: Budget,
    pub(super) started: Instant,
    pub(super) in_flight: VecDeque<Accepted>,
    /// Until when the client's `resume` is waited for.
    pub(super) resume_until: Option<Instant>,
    /// The call that the device is in.
    pub(super) attended: Option<Attended>,
    unanswered_pings: u8,
    asked_for_receipt: bool,
}

impl Connection {
    pub(super) fn new(
        core: Arc<Core>,
        caller: Caller,
        socket: actix_ws::Session,
        outbox: Arc<Outbox>,
        registration: Registration,
        waits_for_resume: bool,
    ) -> Self {
        let started = Instant::now();
        Self {
            core,
            caller,
            socket,
            outbox,
            registration,
            frames: Budget::default(),
            started,
            in_flight: VecDeque::new(),
            attended: None,
            resume_until: waits_for_resume.then(|| started + RESUME_WITHIN),
            unanswered_pings: 0,
            asked_for_receipt: false,
        }
    }

    /// Serves the connection to its end. Its parts are in boxes: a task keeps room for what it was given and
    /// for what it made of it.
    pub(super) async fn run(mut self: Box<Self>, mut stream: Box<AggregatedMessageStream>) {
        let end = match self.start().await {
            Ok(mut live) => {
                let attending = presence::attend(Arc::clone(&self.core), self.caller);
                let attendance = Box::pin(attending).await;
                let end = match Box::pin(self.welcome_to_call()).await {
                    Ok(()) => self.serve(&mut stream, &mut live).await,
                    Err(end) => Err(end),
                };
                Box::pin(self.leave_call()).await;
                // Before the peer learns of the end: who closes and then asks is not told that they are here.
                Box::pin(attendance.leave()).await;
                end
            }
            Err(end) => Err(end),
        };
        if let Err(End::Close(close)) = end {
            tracing::debug!(code = close.code.code(), "closing a connection");
            if close.code == CloseCode::GoingAway {
                // What was accepted is committed in any case; the sender should know.
                let _ = tokio::time::timeout(FINISH_WITHIN, Box::pin(self.finish())).await;
            }
            let reason = CloseReason {
                code: WsCloseCode::from(close.code.code()),
                description: (!close.reason.is_empty()).then_some(close.reason),
            };
            // A peer that does not even read this is cut off when the socket is dropped.
            let _ = tokio::time::timeout(CLOSE_WITHIN, self.socket.close(Some(reason))).await;
        }
    }

    async fn start(&self) -> Result<Box<LiveSession>, End> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "connection could not start");
            End::because(CloseCode::GoingAway, "5")
        };
        // An end that came between the check of the token and the registration went past this connection.
        let signed_in = account::still_signed_in(&self.core, self.caller).await;
        if !signed_in.map_err(|error| failed(&error))? {
            return Err(End::because(
                CloseCode::SessionRevoked,
                "this session was ended",
            ));
        }
        // Neither must a ban of the address, which is not looked at before.
        let barred = bans::bars(&self.core, self.registration.address()).await;
        if barred.map_err(|error| failed(&error))? {
            return Err(End::because(
                CloseCode::AccountLocked,
                "this address is barred",
            ));
        }
        let live = Box::pin(LiveSession::start(Arc::clone(&self.core), self.caller)).await;
        live.map(Box::new).map_err(|error| failed(&error))
    }

    /// Answers the messages that are still on their way to the disk.
    async fn finish(&mut self) {
        while !self.in_flight.is_empty() {
            let done = next_receipt(&mut self.in_flight).await;
            let text = self.answer_receipt(done);
            if self.socket.text(text).await.is_err() {
                return;
            }
        }
    }

    async fn serve(
        &mut self,
        stream: &mut AggregatedMessageStream,
        live: &mut LiveSession,
    ) -> Result<(), End> {
        let mut heartbeat = tokio::time::interval_at(self.started + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let outbox = Arc::clone(&self.outbox);
        loop {
            let may_read = self.in_flight.len() < MAX_IN_FLIGHT;
            let behind = live.has_backlog() && self.resume_until.is_none();
            tokio::select! {
                biased;
                // Receipts first: no later news about a message overtakes its `queued`. Reading before
                // writing: a client that floods us delays only itself.
                done = next_receipt(&mut self.in_flight), if !self.in_flight.is_empty() => {
                    let text = self.answer_receipt(done);
                    self.write(text).await?;
                }
                message = stream.recv(), if may_read => self.read(message, live).await?,
                () = outbox.ready() => Box::pin(self.write_queued(live)).await?,
                _ = heartbeat.tick() => self.beat(live).await?,
                () = call_beat(self.attended.as_ref()), if self.attended.is_some() => {
                    Box::pin(self.call_beat()).await?;
                }
                () = resume_deadline(self.resume_until), if self.resume_until.is_some() => self.resume_until = None,
                () = std::future::ready(()), if behind => Box::pin(self.write_missed(live)).await?,
            }
            if live.wants_ping() && !self.asked_for_receipt {
                live.pinged();
                self.asked_for_receipt = true;
                self.ping(RECEIPT).await?;
            }
        }
    }

    /// Writes what the hub has queued.
    async fn write_queued(&mut self, live: &mut LiveSession) -> Result<(), End> {
        let mut queued = Vec::new();
        if let Some(close) = self.outbox.drain(&mut queued) {
            return Err(End::Close(close));
        }
        for outbound in queued {
            match outbound {
                Outbound::Event(event) => {
                    if self.resume_until.is_some() {
                        // The client will say where it is first.
                        live.defer(&event);
                    } else if let Step::Send(frame) = live.accept(&event) {
                        self.write(frame).await?;
                    }
                }
                Outbound::Frame(frame) => self.write(frame).await?,
                Outbound::KeyPublished(kid) => live.set_kid(kid),
            }
        }
        Ok(())
    }

    /// Writes the next page of what the device has missed.
    async fn write_missed(&mut self, live: &mut LiveSession) -> Result<(), End> {
        let page = Box::pin(live.next_page()).await.map_err(|error| {
            tracing::error!(%error, "backlog could not be read");
            End::because(CloseCode::GoingAway, "5")
        })?;
        for outgoing in page {
            self.write(outgoing.frame).await?;
        }
        Ok(())
    }

    async fn read(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
        live: &mut LiveSession,
    ) -> Result<(), End> {
        let message = match message {
            None => return Err(End::Gone),
            Some(Err(error)) => return Err(refusal(&error)),
            Some(Ok(message)) => message,
        };
        if let Some(attended) = &mut self.attended {
            attended.hear();
        }
        match message {
            AggregatedMessage::Text(text) if text.len() > MAX_FRAME_BYTES => Err(too_large()),
            // In a box, as every step of some size: an idle connection's task keeps no room for it.
            AggregatedMessage::Text(text) => Box::pin(self.dispatch(&text, live)).await,
            AggregatedMessage::Ping(payload) => {
                self.socket.pong(&payload).await.map_err(|_| End::Gone)
            }
            AggregatedMessage::Pong(payload) => {
                self.unanswered_pings = 0;
                if payload != RECEIPT {
                    return Ok(());
                }
                self.asked_for_receipt = false;
                Box::pin(live.ponged()).await.map_err(|error| {
                    tracing::error!(%error, "position could not be noted");
                    End::because(CloseCode::GoingAway, "5")
                })
            }
            AggregatedMessage::Binary(_) => Err(End::because(
                CloseCode::ProtocolError,
                "frames are text, one JSON object each",
            )),
            AggregatedMessage::Close(_) => Err(End::Gone),
        }
    }

    async fn beat(&mut self, live: &LiveSession) -> Result<(), End> {
        if live.caller().expires <= self.now() {
            return Err(End::because(CloseCode::TokenExpired, "0"));
        }
        if self.unanswered_pings >= 2 {
            return Err(End::Gone);
        }
        self.ping(b"").await
    }

    /// A ping outside of the heartbeat, whose answers alone decide whether the connection goes on.
    pub(super) async fn ask_for_sign(&mut self) -> Result<(), End> {
        self.socket.ping(b"").await.map_err(|_| End::Gone)
    }

    async fn ping(&mut self, payload: &[u8]) -> Result<(), End> {
        self.unanswered_pings = self.unanswered_pings.saturating_add(1);
        self.socket.ping(payload).await.map_err(|_| End::Gone)
    }

    pub(super) fn caller(&self) -> Caller {
        self.caller
    }

    fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Writes one text frame; a slow consumer does not hold us longer than its outbox lasts.
    pub(super) async fn write(&mut self, text: impl Into<ByteString>) -> Result<(), End> {
        let outbox = Arc::clone(&self.outbox);
        tokio::select! {
            biased;
            written = self.socket.text(text) => written.map_err(|_| End::Gone),
            close = outbox.closed() => Err(End::Close(close)),
        }
    }
}

/// The oldest message on its way; the log writer answers in order.
async fn next_receipt(in_flight: &mut VecDeque<Accepted>) -> super::dispatch::Done {
    let Some(front) = in_flight.front_mut() else {
        return std::future::pending().await;
    };
    let outcome = (&mut front.receipt).await;
    let (to, client_id) = (front.to, front.client_id);
    in_flight.pop_front();
    super::dispatch::Done {
        outcome,
        to,
        client_id,
    }
}

async fn resume_deadline(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn call_beat(attended: Option<&Attended>) {
    match attended {
        Some(attended) => tokio::time::sleep_until(attended.next()).await,
        None => std::future::pending().await,
    }
}

fn too_large() -> End {
    End::because(
        CloseCode::FrameTooLarge,
        "a frame or message may be at most 1 MiB long",
    )
}

fn refusal(error: &ProtocolError) -> End {
    match error {
        ProtocolError::Overflow => too_large(),
        ProtocolError::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => End::Gone,
        _ => End::because(CloseCode::ProtocolError, "not a WebSocket frame (RFC 6455)"),
    }
}
