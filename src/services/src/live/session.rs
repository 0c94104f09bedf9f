//! The state of one connection.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytestring::ByteString;
use melo_domain::{ChatId, EventKind, LogEvent, LogId, LogKind, Seq, Uid};
use melo_protocol::frame::{MsgStatus, StatusKind, Synced};
use melo_realtime::{LiveEvent, render};
use melo_storage::cursors::Position;
use melo_storage::{StorageError, logs};
use serde::Deserialize;

use super::receipts::Unconfirmed;
use crate::messages::{self, MessageError, Progress};
use crate::{Caller, Core};

/// Why a frame about positions was refused.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The device is not in that log.
    #[error("there is no such log among yours")]
    UnknownLog,
    /// The number is beyond what this connection was sent.
    #[error("seq lies beyond what was sent to this device")]
    BeyondSent,
    /// From the message services.
    #[error(transparent)]
    Message(#[from] MessageError),
}

impl From<StorageError> for LiveError {
    fn from(error: StorageError) -> Self {
        Self::Message(error.into())
    }
}

/// What to do with a live event.
#[derive(Debug)]
pub enum Step {
    /// Write this frame.
    Send(ByteString),
    /// Nothing: the device has it, or will read it from the log.
    Skip,
}

/// A log of this device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Of what.
    pub kind: LogKind,
    /// The last event before those that are for this person.
    pub before: Seq,
    /// The last event written to this connection.
    pub sent: Seq,
    /// What the device has acknowledged, on this connection or before.
    pub position: Position,
    /// Whether the log is waiting to be read.
    pub behind: bool,
    /// Where this connection began: it does not know whose the events before are.
    pub start: Seq,
    /// The last event of somebody else that was written to this connection.
    pub others: Seq,
}

impl Place {
    /// At a position of the device or of its client.
    fn restart(&mut self, seq: Seq) {
        // What was before somebody joined is not for them, whatever they ask for.
        let seq = seq.max(self.before);
        self.sent = seq;
        self.start = self.start.max(seq);
    }

    /// Notes an event that is being written.
    pub(super) fn pass(&mut self, event: &LogEvent, reader: Uid) {
        self.sent = event.seq;
        if event.sender != reader {
            self.others = self.others.max(event.seq);
        }
    }

    /// Whether there is an event of somebody else after `seq`, or might be.
    fn concerns_others(&self, seq: Seq) -> bool {
        self.others > seq || seq < self.start
    }
}

/// The chat that this notice says is gone, with everything in it.
fn deleted_chat(event: &LogEvent) -> Option<LogId> {
    #[derive(Deserialize)]
    struct Removed<'a> {
        chat_log: LogId,
        how: &'a str,
    }
    if event.kind != EventKind::ChatRemoved {
        return None;
    }
    let removed: Removed<'_> = serde_json::from_str(&event.payload).ok()?;
    (removed.how == "deleted").then_some(removed.chat_log)
}

/// One connection of one device.
pub struct LiveSession {
    pub(super) core: Arc<Core>,
    pub(super) caller: Caller,
    pub(super) kid: Option<Arc<str>>,
    pub(super) places: HashMap<LogId, Place>,
    pub(super) backlog: VecDeque<LogId>,
    /// Whether something came from a log that is not among the places: one begun since, or left since.
    pub(super) looks_again: bool,
    /// Whether `synced` is owed once the backlog is empty.
    pub(super) owes_synced: bool,
    pub(super) unconfirmed: Unconfirmed,
}

impl LiveSession {
    /// Begins at the device's stored positions. The connection must be registered with the hub before, so
    /// that nothing falls between reading the positions and the first live event.
    pub async fn start(core: Arc<Core>, caller: Caller) -> Result<Self, LiveError> {
        let kid = messages::kid_of(&core, caller).await?;
        let mut session = Self {
            core,
            caller,
            kid,
            places: HashMap::new(),
            backlog: VecDeque::new(),
            looks_again: false,
            owes_synced: true,
            unconfirmed: Unconfirmed::default(),
        };
        session.load_places().await?;
        Ok(session)
    }

    /// Adds the logs that this connection does not know yet. Those it has left went when the event of their leaving
    /// passed.
    pub(super) async fn load_places(&mut self) -> Result<(), LiveError> {
        let (db, keys) = (self.core.store.db.read(), &self.core.store.keys);
        let states = logs::of_person(db, keys, self.caller.uid, self.caller.device).await?;
        self.places.reserve(states.len());
        for state in states {
            let stored = self
                .core
                .cursors
                .newest(self.caller.device, state.log, state.position);
            let before = state.from_seq.saturating_sub(1);
            let sent = stored.delivered.max(before);
            let behind = state.last_seq > sent;
            if let Entry::Vacant(vacant) = self.places.entry(state.log) {
                vacant.insert(Place {
                    kind: state.kind,
                    before,
                    sent,
                    position: stored,
                    behind,
                    start: sent,
                    others: 0,
                });
                if behind {
                    self.backlog.push_back(state.log);
                }
            }
        }
        Ok(())
    }

    /// Who is connected.
    pub fn caller(&self) -> Caller {
        self.caller
    }

    /// A fresh token of the same person and device was shown, of this session or, after another login, of
    /// a newer one: its session and expiry count from now on.
    pub fn renew(&mut self, caller: Caller) -> bool {
        let same = caller.uid == self.caller.uid && caller.device == self.caller.device;
        if same {
            self.caller = caller;
        }
        same
    }

    /// The device published a key.
    pub fn set_kid(&mut self, kid: Arc<str>) {
        self.kid = Some(kid);
    }

    /// Takes a live event: writes it if it is the next one, else leaves it to the log.
    pub fn accept(&mut self, live: &LiveEvent) -> Step {
        let event = live.event();
        let Some(place) = self.places.get_mut(&event.log) else {
            self.looks_again = true;
            return Step::Skip;
        };
        if event.seq <= place.sent || place.behind {
            return Step::Skip;
        }
        if event.seq != place.sent + 1 {
            self.defer(live);
            return Step::Skip;
        }
        place.pass(event, self.caller.uid);
        if event.device == Some(self.caller.device) {
            // Its answer is the `msg_status` that the sending call is waiting for. With nothing unconfirmed
            // before it, the device is past it: a client that never acknowledges is not told again.
            if place.position.delivered + 1 == event.seq {
                place.position.delivered = event.seq;
                let position = place.position;
                self.core
                    .cursors
                    .note(self.caller.device, event.log, position);
            }
            return Step::Skip;
        }
        self.unconfirmed.sent(event.log, event.seq);
        if self.is_own_leave(event) {
            self.leave(event.log);
        }
        if let Some(log) = deleted_chat(event) {
            self.leave(log);
        }
        Step::Send(live.frame_for(self.kid.as_deref()))
    }

    /// Whether the person is out of the log with this event: what comes after it is not for them.
    pub(super) fn is_own_leave(&self, event: &LogEvent) -> bool {
        #[derive(Deserialize)]
        struct Leave {
            user_id: Uid,
        }
        event.kind == EventKind::MemberLeft
            && serde_json::from_str::<Leave>(&event.payload)
                .is_ok_and(|leave| leave.user_id == self.caller.uid)
    }

    /// Forgets a log that the person is out of.
    pub(super) fn leave(&mut self, log: LogId) {
        self.places.remove(&log);
        self.backlog.retain(|waiting| *waiting != log);
        self.unconfirmed.forget(log);
    }

    /// Leaves a live event to the log: read it from there in its turn.
    pub fn defer(&mut self, live: &LiveEvent) {
        let log = live.event().log;
        match self.places.get_mut(&log) {
            Some(place) if !place.behind => {
                place.behind = true;
                self.backlog.push_back(log);
            }
            Some(_) => {}
            None => self.looks_again = true,
        }
    }

    /// The frame for an event read from the log. An own message, which went to `peer`, is answered as it was
    /// when it was sent: that answer may be what the connection was lost before.
    pub(super) fn replay(&self, event: &LogEvent, kind: LogKind, peer: Uid) -> ByteString {
        if !self.is_own(event) {
            return render(event, kind, self.kid.as_deref()).into();
        }
        let frame = MsgStatus {
            status: StatusKind::Queued,
            message_id: Some(event.message_id()),
            client_id: event.client_id,
            log: Some(event.log),
            seq: Some(event.seq),
            at: event.at,
            from: event.sender,
            to: peer,
            chat_id: kind.is_chat().then_some(ChatId(event.log)),
            retry_after: None,
        };
        serde_json::to_string(&frame).unwrap_or_default().into()
    }

    /// Whether the event came from this very device.
    pub(super) fn is_own(&self, event: &LogEvent) -> bool {
        event.device == Some(self.caller.device)
    }

    /// Starts over from the client's own cursors. Logs it does not name go on from where they are; a log
    /// that the device is not in is passed over, and missing from `synced`.
    pub async fn resume(&mut self, cursors: &BTreeMap<LogId, Seq>) -> Result<(), LiveError> {
        if cursors.keys().any(|log| !self.places.contains_key(log)) {
            // A conversation may have begun since this connection was opened.
            self.load_places().await?;
        }
        for (log, seq) in cursors {
            if let Some(place) = self.places.get_mut(log) {
                place.restart(*seq);
                self.unconfirmed.forget(*log);
                if !place.behind {
                    place.behind = true;
                    self.backlog.push_back(*log);
                }
            }
        }
        self.owes_synced = true;
        Ok(())
    }

    /// `synced`, with where every log stands.
    pub(super) fn synced(&self) -> ByteString {
        let cursors = self
            .places
            .iter()
            .map(|(log, place)| (*log, place.sent))
            .collect();
        serde_json::to_string(&Synced { cursors })
            .unwrap_or_default()
            .into()
    }

    /// The device has, or its person has read, everything up to `seq`.
    pub async fn acknowledge(
        &mut self,
        log: LogId,
        seq: Seq,
        progress: Progress,
    ) -> Result<(), LiveError> {
        self.unconfirmed.client_acknowledges();
        self.confirm(log, seq, progress).await
    }

    pub(super) async fn confirm(
        &mut self,
        log: LogId,
        seq: Seq,
        progress: Progress,
    ) -> Result<(), LiveError> {
        let place = self.places.get_mut(&log).ok_or(LiveError::UnknownLog)?;
        if seq > place.sent {
            return Err(LiveError::BeyondSent);
        }
        let mut moved = place.position;
        moved.delivered = moved.delivered.max(seq);
        if progress == Progress::Read {
            moved.read = moved.read.max(seq);
        }
        if moved == place.position {
            return Ok(());
        }
        let kind = place.kind;
        let before = std::mem::replace(&mut place.position, moved);
        let since = match progress {
            Progress::Delivered => before.delivered,
            Progress::Read => before.read,
        };
        if kind == LogKind::Direct && place.concerns_others(since) {
            messages::acknowledge(&self.core, self.caller, log, moved).await?;
        } else {
            // One's own messages on one's other devices are nobody else's news.
            self.core.cursors.note(self.caller.device, log, moved);
        }
        Ok(())
    }
}
