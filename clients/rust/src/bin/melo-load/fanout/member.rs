//! A connected member of one or more chats: it takes what comes, checks that nothing is missing, acknowledges, and
//! writes on a schedule if it is one who writes.

use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use melo_domain::{LogId, Seq};
use tokio::sync::watch;
use tokio::time::Sleep;

use super::shared::Shared;
use crate::fail::Failure;
use crate::gather::{self, Connected};
use crate::run::message::{self, Frames};
use crate::scan::{self, Event};
use crate::wire::{Frame, Socket};

/// Messages after which a member acknowledges.
const ACK_EVERY: u64 = 32;
const NEVER: u64 = u64::MAX;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Others are being connected.
    Waiting,
    Writing,
    Over,
}

/// A message to be sent: its number, and which of the sender's chats it goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub number: u64,
    pub chat: usize,
}

/// What somebody is to write.
#[derive(Default)]
pub(super) struct Writing {
    pub chats: Vec<Frames>,
    /// In the order of their numbers.
    pub messages: Vec<Planned>,
}

/// How far a member is in a chat.
struct Place {
    newest: Seq,
    /// Its own messages are answered, not delivered: their numbers may come out of turn.
    own: bool,
    unacknowledged: bool,
}

pub(super) struct Member {
    socket: Socket,
    shared: Rc<Shared>,
    writing: Writing,
    next: usize,
    places: HashMap<LogId, Place>,
    unacknowledged: u64,
    /// The longest it waits with that, in nanoseconds.
    ack_within: u64,
    ack_due: u64,
    timer: Pin<Box<Sleep>>,
    timer_at: u64,
    phase: watch::Receiver<Phase>,
}

impl Member {
    /// `chats` are the logs that it is in and, for each, whether it writes there.
    pub(super) fn new(
        connected: Connected,
        chats: &[(LogId, bool)],
        writing: Writing,
        ack_within: u64,
        shared: Rc<Shared>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let places = chats.iter().map(|(log, own)| {
            let place = Place {
                newest: connected.cursors.get(log).copied().unwrap_or(0),
                own: *own,
                unacknowledged: false,
            };
            (*log, place)
        });
        let mut member = Self {
            places: places.collect(),
            socket: connected.socket,
            shared,
            writing,
            next: 0,
            unacknowledged: 0,
            ack_within,
            ack_due: NEVER,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            timer_at: NEVER,
            phase,
        };
        for (log, seq) in &connected.cursors {
            if *seq > 0 {
                member.socket.outgoing.text(&message::ack(log, *seq));
            }
        }
        member
    }

    /// Takes part until the run is over; gives the chats' last numbers as it knows them.
    pub(super) async fn run(mut self) -> Result<HashMap<LogId, Seq>, Failure> {
        self.socket.flush().await?;
        loop {
            let now = self.shared.now();
            self.take_input(now)?;
            let next_send = self.send_due(now);
            if now >= self.ack_due || self.unacknowledged >= ACK_EVERY {
                self.acknowledge();
            }
            self.wake_at(next_send.min(self.ack_due));
            tokio::select! {
                biased;
                read = self.socket.exchange() => read?,
                () = self.timer.as_mut(), if self.timer_at != NEVER => self.timer_at = NEVER,
                changed = self.phase.changed() => {
                    if changed.is_err() || *self.phase.borrow() == Phase::Over {
                        break;
                    }
                }
            }
        }
        let now = self.shared.now();
        self.take_input(now)?;
        self.acknowledge();
        gather::part(&mut self.socket).await?;
        let places = self.places.into_iter();
        Ok(places.map(|(log, place)| (log, place.newest)).collect())
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
            let text = match frame {
                Frame::Text(text) => text,
                Frame::Ping(payload) => {
                    self.socket.outgoing.pong(payload);
                    continue;
                }
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
                Frame::Other => continue,
            };
            match scan::event(text, self.shared.mark) {
                Event::Queued { number, seq } => {
                    if let Some(own) = scan::log_of(text).and_then(|log| self.places.get_mut(&log))
                    {
                        own.newest = own.newest.max(seq);
                        own.unacknowledged = true;
                    }
                    self.shared.note_queued(number, now);
                }
                Event::Refused { .. } => self.shared.note_refused(text),
                Event::Delivery { seq, stamp } => {
                    let place = scan::log_of(text).and_then(|log| self.places.get_mut(&log));
                    let Some(place) = place else { continue };
                    let new = pass(place, seq, &self.shared);
                    if self.unacknowledged == 0 {
                        self.ack_due = now + self.ack_within;
                    }
                    self.unacknowledged += 1;
                    if let Some(number) = stamp.number.filter(|_| new) {
                        self.shared.note_delivered(number, now);
                    }
                }
                Event::Synced | Event::Other => {}
            }
        }
        Ok(())
    }

    fn acknowledge(&mut self) {
        for (log, place) in &mut self.places {
            if std::mem::take(&mut place.unacknowledged) {
                let ack = message::ack(log, place.newest);
                self.socket.outgoing.text(&ack);
            }
        }
        self.unacknowledged = 0;
        self.ack_due = NEVER;
    }

    /// Writes the messages that are due; says when the next one is.
    fn send_due(&mut self, now: u64) -> u64 {
        if *self.phase.borrow() == Phase::Waiting {
            return NEVER;
        }
        while let Some(planned) = self.writing.messages.get(self.next).copied() {
            let due = self.shared.due(planned.number);
            if due > now {
                return due;
            }
            if let Some(frames) = self.writing.chats.get_mut(planned.chat) {
                let frame = frames.relay(planned.number, due);
                self.socket.outgoing.text(frame);
                self.shared.note_sent(planned.number, now);
            }
            self.next += 1;
        }
        NEVER
    }
}

/// Notes a message of somebody else; says whether it is new.
fn pass(place: &mut Place, seq: Seq, shared: &Shared) -> bool {
    let mut faults = shared.faults.borrow_mut();
    if seq <= place.newest && !place.own {
        faults.repeated += 1;
        return false;
    }
    if seq > place.newest + 1 && !place.own {
        faults.gaps += seq - place.newest - 1;
    }
    place.newest = place.newest.max(seq);
    place.unacknowledged = true;
    true
}
