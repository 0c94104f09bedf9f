//! One stream: what the hub queued and what was missed is written out, in one task. Everything it waits for is bounded.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use melo_domain::{LogId, Seq};
use melo_protocol::CloseCode;
use melo_realtime::{Close, Outbound, Outbox, Registration};
use melo_services::live::{LastEventId, LiveSession, Step, Stream};
use melo_services::{Caller, Core, account, bans, presence};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::event;

/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long one event may take to leave: who reads nothing for so long is gone, whether or not it said so.
const WRITE_WITHIN: Duration = Duration::from_secs(60);
/// How long writing the last event may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// The stream is over.
enum End {
    /// Closed by us, for this reason.
    Close(Close),
    /// Nobody is there any more.
    Gone,
}

impl End {
    fn because(code: CloseCode, reason: &str) -> Self {
        Self::Close(Close {
            code,
            reason: reason.to_owned(),
        })
    }
}

/// One open stream.
pub(super) struct EventStream {
    core: Arc<Core>,
    caller: Caller,
    outbox: Arc<Outbox>,
    registration: Registration,
    sender: mpsc::Sender<Bytes>,
    stream: Stream,
}

impl EventStream {
    pub(super) fn new(
        core: Arc<Core>,
        caller: Caller,
        outbox: Arc<Outbox>,
        registration: Registration,
        sender: mpsc::Sender<Bytes>,
        stream: Stream,
    ) -> Self {
        Self {
            core,
            caller,
            outbox,
            registration,
            sender,
            stream,
        }
    }

    /// Serves the stream to its end.
    pub(super) async fn run(self: Box<Self>, last: Option<LastEventId>) {
        let end = match self.start(last).await {
            Ok(mut live) => {
                let attending = presence::attend(Arc::clone(&self.core), self.caller);
                let attendance = Box::pin(attending).await;
                let end = self.serve(&mut live).await;
                Box::pin(attendance.leave()).await;
                end
            }
            Err(end) => Err(end),
        };
        if let Err(End::Close(close)) = end {
            tracing::debug!(code = close.code.code(), "closing a stream");
            // A peer that does not even read this finds the end of the stream.
            let last = self.sender.send(event::close(&close));
            let _ = tokio::time::timeout(CLOSE_WITHIN, last).await;
        }
    }

    async fn start(&self, last: Option<LastEventId>) -> Result<Box<LiveSession>, End> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "stream could not start");
            End::because(CloseCode::GoingAway, "5")
        };
        // An end that came between the check of the token and the registration went past this stream.
        let signed_in = account::still_signed_in(&self.core, self.caller).await;
        if !signed_in.map_err(|error| failed(&error))? {
            let reason = "this session was ended";
            return Err(End::because(CloseCode::SessionRevoked, reason));
        }
        // Neither must a ban of the address, which is not looked at before.
        let barred = bans::bars(&self.core, self.registration.address()).await;
        if barred.map_err(|error| failed(&error))? {
            let reason = "this address is barred";
            return Err(End::because(CloseCode::AccountLocked, reason));
        }
        let live = Box::pin(LiveSession::start(Arc::clone(&self.core), self.caller)).await;
        let mut live = live.map(Box::new).map_err(|error| failed(&error))?;
        live.client_acknowledges();
        if let Some(had) = last.and_then(|last| self.stream.had(self.caller, last)) {
            let confirmed = Box::pin(live.go_on_after(had)).await;
            confirmed.map_err(|error| failed(&error))?;
        }
        self.send(event::retry()).await?;
        // Before anything else, so that a client knows at once whether anything comes through.
        self.beat().await?;
        Ok(live)
    }

    async fn serve(&self, live: &mut LiveSession) -> Result<(), End> {
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let behind = live.has_backlog();
            tokio::select! {
                biased;
                () = self.sender.closed() => return Err(End::Gone),
                () = self.outbox.ready() => Box::pin(self.write_queued(live)).await?,
                _ = heartbeat.tick() => self.beat().await?,
                () = std::future::ready(()), if behind => Box::pin(self.write_missed(live)).await?,
            }
        }
    }

    /// Writes what the hub has queued.
    async fn write_queued(&self, live: &mut LiveSession) -> Result<(), End> {
        let mut queued = Vec::new();
        if let Some(close) = self.outbox.drain(&mut queued) {
            return Err(End::Close(close));
        }
        for outbound in queued {
            match outbound {
                Outbound::Event(queued) => {
                    let mark = (queued.event().log, queued.event().seq);
                    match live.accept(&queued) {
                        Step::Send(frame) => self.write(&frame, Some(mark)).await?,
                        // The answer to its call tells the client of it.
                        Step::Own => self.stream.pass(mark.0, mark.1),
                        Step::Skip => {}
                    }
                }
                Outbound::Frame(frame) => self.write(&frame, None).await?,
                Outbound::KeyPublished(kid) => live.set_kid(kid),
            }
        }
        Ok(())
    }

    /// Writes the next page of what the device has missed.
    async fn write_missed(&self, live: &mut LiveSession) -> Result<(), End> {
        let page = Box::pin(live.next_page()).await.map_err(|error| {
            tracing::error!(%error, "backlog could not be read");
            End::because(CloseCode::GoingAway, "5")
        })?;
        for outgoing in page {
            self.write(&outgoing.frame, outgoing.mark).await?;
        }
        Ok(())
    }

    async fn beat(&self) -> Result<(), End> {
        let now = self.core.now();
        if self.caller.expires <= now {
            return Err(End::because(CloseCode::TokenExpired, "0"));
        }
        self.stream.touch();
        self.send(event::heartbeat(now)).await
    }

    /// Writes a frame under the next id.
    async fn write(&self, frame: &ByteString, mark: Option<(LogId, Seq)>) -> Result<(), End> {
        let id = self.stream.next_id(mark);
        self.send(event::event(Some(&id), None, frame)).await
    }

    /// Hands bytes to the socket; a slow consumer does not hold us longer than its outbox lasts.
    async fn send(&self, bytes: Bytes) -> Result<(), End> {
        tokio::select! {
            biased;
            sent = self.sender.send(bytes) => sent.map_err(|_| End::Gone),
            close = self.outbox.closed() => Err(End::Close(close)),
            () = tokio::time::sleep(WRITE_WITHIN) => Err(End::because(CloseCode::SlowConsumer, "1")),
        }
    }
}
