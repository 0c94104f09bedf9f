//! What members of chats have received and read since the last look. Several steps of one member become one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use melo_domain::{LogId, Uid};
use melo_storage::cursors::Position;
use parking_lot::Mutex;

/// Members with news at once. What does not fit is not told live: the list of receipts has it.
const MAX_WAITING: usize = 50_000;

/// How far somebody came since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub from: Position,
    pub to: Position,
}

/// The news.
#[derive(Debug, Default)]
pub(crate) struct ReceiptBuffer {
    waiting: Mutex<HashMap<(LogId, Uid), Span>>,
}

impl ReceiptBuffer {
    pub(super) fn note(&self, log: LogId, uid: Uid, from: Position, to: Position) {
        let mut waiting = self.waiting.lock();
        let full = waiting.len() >= MAX_WAITING;
        match waiting.entry((log, uid)) {
            Entry::Occupied(mut known) => {
                let span = known.get_mut();
                span.from.delivered = span.from.delivered.min(from.delivered);
                span.from.read = span.from.read.min(from.read);
                span.to.delivered = span.to.delivered.max(to.delivered);
                span.to.read = span.to.read.max(to.read);
            }
            Entry::Vacant(place) if !full => {
                place.insert(Span { from, to });
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Takes up to `limit` of them.
    pub(super) fn take(&self, limit: usize) -> Vec<((LogId, Uid), Span)> {
        let mut waiting = self.waiting.lock();
        if waiting.len() <= limit {
            return waiting.drain().collect();
        }
        let some: Vec<_> = waiting.keys().take(limit).copied().collect();
        some.into_iter()
            .filter_map(|key| waiting.remove_entry(&key))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_one_member_become_one() {
        let buffer = ReceiptBuffer::default();
        let (log, uid) = (LogId::from_random(1), Uid::from_random(1));
        let at = |delivered, read| Position { delivered, read };
        buffer.note(log, uid, at(3, 1), at(5, 1));
        buffer.note(log, uid, at(5, 1), at(5, 4));
        // Another device, which was further back.
        buffer.note(log, uid, at(2, 0), at(4, 2));
        buffer.note(log, Uid::from_random(2), at(0, 0), at(1, 0));
        assert_eq!(buffer.take(1).len(), 1);
        let rest = buffer.take(10);
        assert_eq!(rest.len(), 1);
        assert!(buffer.take(10).is_empty());
        buffer.note(log, uid, at(3, 1), at(5, 1));
        buffer.note(log, uid, at(2, 2), at(4, 4));
        let span = Span {
            from: at(2, 1),
            to: at(5, 4),
        };
        assert_eq!(buffer.take(10), [((log, uid), span)]);
    }
}
