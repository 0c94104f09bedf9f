//! The state of one connection.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytestring::ByteString;
use melo_domain::{ChatId, EventKind, LogEvent, LogId, Seq, Uid};
use melo_protocol::frame::{MsgStatus, StatusKind, Synced};
use melo_realtime::LiveEvent;
use melo_storage::{StorageError, logs};
use serde::Deserialize;

use super::place::Place;
use super::receipts::Unconfirmed;
use crate::messages::{self, MessageError, Progress};
use crate::receipts::{self, Moved};
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
    /// Nothing: it is the device's own, which learns of it from the answer to its call. It is past it now.
    Own,
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

/// Whether the event came from the caller's device, which knows of it. The record of a call is the server's, whoever
/// has called.
fn is_own(event: &LogEvent, caller: Caller) -> bool {
    event.device == Some(caller.device) && event.kind != EventKind::CallRecord
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

    /// Adds the logs that this connection does not know yet, and looks how far the others go. Those it has left go
    /// when the event of their leaving passes. Returns the logs that the person is in at this moment.
    pub(super) async fn load_places(&mut self) -> Result<HashSet<LogId>, LiveError> {
        let (db, keys) = (self.core.store.db.read(), &self.core.store.keys);
        let states = logs::of_person(db, keys, self.caller.uid, self.caller.device).await?;
        self.places.reserve(states.len());
        let present = states.iter().map(|state| state.log).collect();
        for state in states {
            match self.places.entry(state.log) {
                Entry::Occupied(mut known) => known.get_mut().refresh(&state),
                Entry::Vacant(vacant) => {
                    let device = self.caller.device;
                    let stored = self.core.cursors.newest(device, state.log, state.position);
                    vacant.insert(Place::new(&state, stored));
                }
            }
            self.queue(state.log);
        }
        Ok(present)
    }

    /// Queues a log for reading if there is more of it.
    fn queue(&mut self, log: LogId) {
        let Some(place) = self.places.get_mut(&log) else {
            return;
        };
        if !place.behind && place.has_more() {
            place.behind = true;
            self.backlog.push_back(log);
        }
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
        place.hear(event.seq);
        if event.seq <= place.sent || place.behind {
            return Step::Skip;
        }
        if event.seq != place.sent + 1 {
            self.queue(event.log);
            return Step::Skip;
        }
        place.pass(event, self.caller.uid);
        if is_own(event, self.caller) {
            // Its answer is the `msg_status` that the sending call is waiting for. With nothing unconfirmed
            // before it, the device is past it: a client that never acknowledges is not told again.
            if place.position.delivered + 1 == event.seq {
                place.position.delivered = event.seq;
                let position = place.position;
                self.core
                    .cursors
                    .note(self.caller.device, event.log, position);
            }
            return Step::Own;
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

    /// Forgets a log that the person is out of; unless it goes on for them, having come back.
    pub(super) fn leave(&mut self, log: LogId) {
        let left = self.places.remove(&log);
        self.looks_again |= left.is_some_and(|place| place.heard > place.sent);
        self.backlog.retain(|waiting| *waiting != log);
        self.unconfirmed.forget(log);
    }

    /// Leaves a live event to the log: read it from there in its turn.
    pub fn defer(&mut self, live: &LiveEvent) {
        let (log, seq) = (live.event().log, live.event().seq);
        match self.places.get_mut(&log) {
            Some(place) => place.hear(seq),
            None => self.looks_again = true,
        }
        self.queue(log);
    }

    /// The frame for an event read from the log. An own message, which went to `peer`, is answered as it was
    /// when it was sent: that answer may be what the connection was lost before.
    pub(super) fn replay(&self, live: &LiveEvent, peer: Uid) -> ByteString {
        let event = live.event();
        if !self.is_own(event) {
            return live.frame_for(self.kid.as_deref());
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
            chat_id: live.kind().is_chat().then_some(ChatId(event.log)),
            retry_after: None,
        };
        serde_json::to_string(&frame).unwrap_or_default().into()
    }

    /// Whether the event came from this very device.
    pub(super) fn is_own(&self, event: &LogEvent) -> bool {
        is_own(event, self.caller)
    }

    /// Starts over from the client's own cursors. Logs it does not name go on from where they are; a log
    /// that the device is not in is passed over, and missing from `synced`.
    pub async fn resume(&mut self, cursors: &BTreeMap<LogId, Seq>) -> Result<(), LiveError> {
        // A conversation may have begun since, an event have got lost on its way, or the person be out of a chat.
        // Whoever is in it now and goes on from no later than its present end meets their removal before anything
        // behind it, whenever that comes: so membership need not be asked of every page. Whoever was taken out while
        // this connection was there has not met it yet, and may go back, but not on.
        let present = self.load_places().await?;
        for (log, seq) in cursors {
            let Some(place) = self.places.get_mut(log) else {
                continue;
            };
            let end = if present.contains(log) {
                place.heard
            } else {
                place.sent
            };
            place.restart((*seq).min(end));
            self.unconfirmed.forget(*log);
            self.queue(*log);
        }
        self.owes_synced = true;
        Ok(())
    }

    /// The device has everything up to these events: they were written to an earlier connection of it, and it says so.
    pub async fn go_on_after(&mut self, had: HashMap<LogId, Seq>) -> Result<(), LiveError> {
        for (log, seq) in had {
            let Some(place) = self.places.get_mut(&log) else {
                continue;
            };
            let seq = seq.min(place.heard);
            if seq > place.sent {
                place.restart(seq);
            }
            self.confirm(log, seq, Progress::Delivered).await?;
        }
        Ok(())
    }

    /// The client has ways of its own to say what it has: nothing counts as received but that.
    pub fn client_acknowledges(&mut self) {
        self.unconfirmed.client_acknowledges();
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
        let step = Moved {
            log,
            kind,
            before,
            after: moved,
            concerns_others: place.concerns_others(since),
        };
        receipts::moved(&self.core, self.caller, step).await?;
        Ok(())
    }
}
