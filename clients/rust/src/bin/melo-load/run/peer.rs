//! One connection of a run: sends what is due, notes what arrives, acknowledges it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Sleep;

use super::message::Frames;
use super::shared::{PairState, Shared};
use crate::args::PlanArgs;
use crate::fail::Failure;
use crate::scan::{self, Event, Stamp};
use crate::wire::{Frame, Socket};

/// Messages after which a receiver acknowledges.
const ACK_EVERY: u64 = 32;
/// How long everything on its way may take after the last message was sent, in nanoseconds.
const GRACE: u64 = 15_000_000_000;
/// Between two looks whether everything has arrived, in nanoseconds.
const LOOK_AGAIN: u64 = 20_000_000;
/// How long a server may take to send what was missed.
const SYNC_WITHIN: Duration = Duration::from_mins(1);
const NEVER: u64 = u64::MAX;

/// When a sender sends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offer {
    /// As soon as fewer than so many are unanswered.
    FlatOut { outstanding: usize },
    /// On a schedule, whatever happened to the messages before: nanoseconds after the start, and between
    /// two messages.
    Scheduled { first: u64, interval: u64 },
}

impl Offer {
    /// The share of sender `nth` of `senders` in the plan.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )] // spans of seconds
    pub(super) fn new(plan: &PlanArgs, nth: usize, senders: usize) -> Self {
        match plan.rate {
            Some(rate) => {
                let between_any = 1e9 / rate.max(0.001);
                Self::Scheduled {
                    first: (between_any * nth as f64) as u64,
                    interval: (between_any * senders as f64) as u64,
                }
            }
            None => Self::FlatOut {
                outstanding: plan.outstanding as usize,
            },
        }
    }
}

/// What one side of a pair does.
pub(super) struct Place {
    pub side: usize,
    pub pair: Rc<PairState>,
    /// When it sends, if it does.
    pub offer: Option<Offer>,
    /// The longest it waits before it acknowledges, in nanoseconds.
    pub ack_within: u64,
}

/// A connected user of a pair.
pub(super) struct Peer {
    socket: Socket,
    frames: Frames,
    place: Place,
    shared: Rc<Shared>,
    /// When the messages without an answer were due; the first one's number is `answered`.
    unanswered: VecDeque<Option<u64>>,
    answered: u64,
    sent: u64,
    /// The number of the next message of the other side.
    expected: u64,
    /// Where the log stood at the beginning, the last position seen, the last one delivered to us, and how
    /// many positions are accounted for.
    base_seq: u64,
    newest_seq: u64,
    delivered_seq: u64,
    accounted: u64,
    unacknowledged: u64,
    ack_due: u64,
    timer: Pin<Box<Sleep>>,
    timer_at: u64,
}

impl Peer {
    /// Takes a fresh connection and waits until everything missed was sent on it.
    pub(super) async fn synced(
        mut socket: Socket,
        frames: Frames,
        place: Place,
        shared: Rc<Shared>,
    ) -> Result<Self, Failure> {
        let position = position_after_sync(&mut socket, &frames.log);
        let base_seq = tokio::time::timeout(SYNC_WITHIN, position)
            .await
            .map_err(|_| Failure::Server("sends no `synced`".to_owned()))??;
        if base_seq > 0 {
            socket.outgoing.text(&frames.ack(base_seq));
            socket.flush().await?;
        }
        Ok(Self {
            socket,
            frames,
            place,
            shared,
            unanswered: VecDeque::new(),
            answered: 0,
            sent: 0,
            expected: 0,
            base_seq,
            newest_seq: base_seq,
            delivered_seq: base_seq,
            accounted: 0,
            unacknowledged: 0,
            ack_due: NEVER,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            timer_at: NEVER,
        })
    }

    /// Sends and receives until the run is over.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let outcome = self.serve().await;
        self.settle();
        outcome
    }

    async fn serve(&mut self) -> Result<(), Failure> {
        loop {
            let now = self.shared.now();
            self.take_input(now)?;
            let next_send = self.send_due(now);
            self.acknowledge(now);
            if self.is_done(now) {
                break;
            }
            let end = self.shared.window.get().to;
            let look = if now < end { end } else { now + LOOK_AGAIN };
            self.wake_at(next_send.min(self.ack_due).min(look));
            tokio::select! {
                biased;
                read = self.socket.exchange() => read?,
                () = self.timer.as_mut() => self.timer_at = NEVER,
            }
        }
        // Own messages too, or the next run would begin with all of their answers once more.
        if self.newest_seq > self.base_seq {
            let ack = self.frames.ack(self.newest_seq);
            self.socket.outgoing.text(&ack);
        }
        self.socket.outgoing.close();
        self.socket.flush().await
    }

    /// Sets the timer, unless it fires soon enough anyway.
    fn wake_at(&mut self, at: u64) {
        if at < self.timer_at {
            self.timer_at = at;
            let at = self.shared.instant(at);
            self.timer.as_mut().reset(at);
        }
    }

    /// Handles every frame that is there as a whole.
    fn take_input(&mut self, now: u64) -> Result<(), Failure> {
        while let Some(frame) = self.socket.incoming.next()? {
            let event = match frame {
                Frame::Text(text) => {
                    let event = scan::event(text, self.shared.mark);
                    if let Event::Refused { .. } = event {
                        self.shared.note_refused(text);
                    }
                    event
                }
                Frame::Ping(payload) => {
                    self.socket.outgoing.pong(payload);
                    continue;
                }
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
                Frame::Other => continue,
            };
            match event {
                Event::Queued { number, seq } => {
                    self.saw(seq);
                    match self.answer(number) {
                        Some(due) => self.shared.note_queued(due, now),
                        None => self.shared.faults.borrow_mut().repeated_answers += 1,
                    }
                }
                Event::Refused { number } => {
                    if let Some(number) = number {
                        self.answer(number);
                    }
                }
                Event::Delivery { seq, stamp } => self.delivery(seq, stamp, now),
                Event::Synced | Event::Other => {}
            }
        }
        Ok(())
    }

    /// Marks a message as answered; when it was due, unless it is not waited for.
    fn answer(&mut self, number: u64) -> Option<u64> {
        let index = usize::try_from(number.checked_sub(self.answered)?).ok()?;
        let due = self.unanswered.get_mut(index)?.take();
        while let Some(None) = self.unanswered.front() {
            self.unanswered.pop_front();
            self.answered += 1;
        }
        due
    }

    fn delivery(&mut self, seq: u64, stamp: Stamp, now: u64) {
        self.saw(seq);
        let mut faults = self.shared.faults.borrow_mut();
        if seq <= self.delivered_seq {
            faults.out_of_order += 1;
        }
        self.delivered_seq = self.delivered_seq.max(seq);
        if let Some(number) = stamp.number {
            if number < self.expected {
                faults.repeated += 1;
            } else {
                faults.skipped += number - self.expected;
                self.expected = number + 1;
                self.shared.note_delivered(stamp.due, now);
            }
        }
        if self.unacknowledged == 0 {
            self.ack_due = now + self.place.ack_within;
        }
        self.unacknowledged += 1;
    }

    fn saw(&mut self, seq: u64) {
        self.newest_seq = self.newest_seq.max(seq);
        self.accounted += 1;
    }

    fn acknowledge(&mut self, now: u64) {
        if self.unacknowledged >= ACK_EVERY || now >= self.ack_due {
            let ack = self.frames.ack(self.delivered_seq);
            self.socket.outgoing.text(&ack);
            self.unacknowledged = 0;
            self.ack_due = NEVER;
        }
    }

    /// Writes the messages that are due; says when the next one is.
    fn send_due(&mut self, now: u64) -> u64 {
        let window = self.shared.window.get();
        match self.place.offer {
            None => NEVER,
            Some(Offer::FlatOut { outstanding }) => {
                if now < window.start {
                    return window.start;
                }
                while now < window.to && self.unanswered.len() < outstanding {
                    self.send(now, now);
                }
                NEVER
            }
            Some(Offer::Scheduled { first, interval }) => loop {
                let due = window.start + first + self.sent * interval;
                if due >= window.to {
                    return NEVER;
                }
                if due > now {
                    return due;
                }
                self.send(due, now);
            },
        }
    }

    fn send(&mut self, due: u64, now: u64) {
        self.socket.outgoing.text(self.frames.relay(self.sent, due));
        self.unanswered.push_back(Some(due));
        self.sent += 1;
        self.place.pair.sent[self.place.side].set(self.sent);
        self.shared.note_sent(due, now);
    }

    /// Whether nothing more is to come, or has been waited for long enough.
    fn is_done(&self, now: u64) -> bool {
        let end = self.shared.window.get().to;
        if now < end {
            return false;
        }
        let own = self.unanswered.is_empty() && self.socket.outgoing.is_empty();
        self.place.pair.settled[self.place.side].set(own);
        let other = 1 - self.place.side;
        let all_here = self.place.pair.settled[other].get()
            && self.expected >= self.place.pair.sent[other].get();
        (own && all_here) || now > end + GRACE
    }

    /// Counts what never came.
    fn settle(&mut self) {
        self.place.pair.settled[self.place.side].set(true);
        let mut faults = self.shared.faults.borrow_mut();
        faults.unanswered += self.unanswered.iter().flatten().count() as u64;
        let sent = self.place.pair.sent[1 - self.place.side].get();
        faults.lost += sent.saturating_sub(self.expected);
        let positions = self.newest_seq - self.base_seq;
        faults.gaps += positions.saturating_sub(self.accounted);
    }
}

/// Reads until `synced`; where the log stands then.
async fn position_after_sync(socket: &mut Socket, log: &str) -> Result<u64, Failure> {
    loop {
        while let Some(frame) = socket.incoming.next()? {
            match frame {
                Frame::Text(text) => {
                    if scan::event(text, 0) == Event::Synced {
                        return Ok(scan::synced_position(text, log));
                    }
                }
                Frame::Ping(payload) => socket.outgoing.pong(payload),
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
                Frame::Other => {}
            }
        }
        socket.exchange().await?;
    }
}
