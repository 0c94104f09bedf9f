//! Where one connection is in one log.

use melo_domain::{LogEvent, LogKind, Seq, Uid};
use melo_storage::cursors::Position;
use melo_storage::logs::LogState;

/// A log of this device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Of what.
    pub kind: LogKind,
    /// The last event written to this connection.
    pub sent: Seq,
    /// The last event that is known to exist. Only who was sent it has caught up: what is read may be older than what
    /// was heard of.
    pub heard: Seq,
    /// The first event that is for this person and still there.
    pub first: Seq,
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
    /// At the device's position. A device that has never been here begins where its person joined: what was before is
    /// nothing that it missed.
    pub(super) fn new(state: &LogState, position: Position) -> Self {
        let sent = match position.delivered {
            0 => state.from_seq.saturating_sub(1),
            delivered => delivered,
        };
        Self {
            kind: state.kind,
            sent,
            heard: state.last_seq,
            first: first_of(state),
            position,
            behind: false,
            start: sent,
            others: 0,
        }
    }

    /// The database was looked at again.
    pub(super) fn refresh(&mut self, state: &LogState) {
        self.hear(state.last_seq);
        self.first = self.first.max(first_of(state));
    }

    /// There is such an event.
    pub(super) fn hear(&mut self, seq: Seq) {
        self.heard = self.heard.max(seq);
    }

    /// Whether there is something to read or to tell of: events, a lost beginning, or a position beyond the end.
    pub(super) fn has_more(&self) -> bool {
        self.sent != self.heard || self.is_before_first()
    }

    /// Whether events that this device did not get are not to be had any more.
    pub(super) fn is_before_first(&self) -> bool {
        self.sent.saturating_add(1) < self.first
    }

    /// Goes on at a position of the device or of its client.
    pub(super) fn restart(&mut self, seq: Seq) {
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
    pub(super) fn concerns_others(&self, seq: Seq) -> bool {
        self.others > seq || seq < self.start
    }
}

fn first_of(state: &LogState) -> Seq {
    state.from_seq.max(state.pruned_seq + 1)
}
