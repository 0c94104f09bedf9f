//! How far each log was handled. Events of one log can come out of order (the answer to one's own message
//! overtakes a delivery), so a cursor only moves over what has no gap before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use melo_domain::{LogId, Seq};

/// The events handled beyond the cursors.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    ahead: HashMap<LogId, BTreeSet<Seq>>,
    synced: bool,
}

impl Progress {
    /// A new connection begins: the server now sends what lies after the cursors.
    pub(crate) fn start_over(&mut self) {
        self.synced = false;
    }

    /// Whether the event was handled before.
    pub(crate) fn is_known(&self, cursors: &BTreeMap<LogId, Seq>, log: LogId, seq: Seq) -> bool {
        cursors.get(&log).is_some_and(|cursor| seq <= *cursor)
            || self
                .ahead
                .get(&log)
                .is_some_and(|ahead| ahead.contains(&seq))
    }

    /// Notes an event as handled, and moves the cursor as far as there is no gap.
    pub(crate) fn take(&mut self, cursors: &mut BTreeMap<LogId, Seq>, log: LogId, seq: Seq) {
        // While catching up, the first event of an unknown log is where this device starts in it; after that,
        // an unknown log is a new one.
        let start = if self.synced {
            0
        } else {
            seq.saturating_sub(1)
        };
        let cursor = cursors.entry(log).or_insert(start);
        if seq > *cursor {
            let ahead = self.ahead.entry(log).or_default();
            ahead.insert(seq);
            advance(cursor, ahead);
        }
        self.forget_empty(log);
    }

    /// As [`Self::take`], for an event of a chat that the server delivered. It delivers in order, so in an unknown log
    /// the first one is where this device starts: one is handed a chat's log from joining on.
    pub(crate) fn take_delivered(
        &mut self,
        cursors: &mut BTreeMap<LogId, Seq>,
        log: LogId,
        seq: Seq,
    ) {
        if !cursors.contains_key(&log) {
            self.skip_to(cursors, log, seq.saturating_sub(1));
        }
        self.take(cursors, log, seq);
    }

    /// As [`Self::take`], for an own event in a chat, which can overtake deliveries: it does not tell where this
    /// device starts in an unknown log.
    pub(crate) fn take_own(&mut self, cursors: &mut BTreeMap<LogId, Seq>, log: LogId, seq: Seq) {
        if self.synced && !cursors.contains_key(&log) {
            self.ahead.entry(log).or_default().insert(seq);
        } else {
            self.take(cursors, log, seq);
        }
    }

    /// This device is out of the log. If it comes back, it starts anew.
    pub(crate) fn forget(&mut self, cursors: &mut BTreeMap<LogId, Seq>, log: LogId) {
        cursors.remove(&log);
        self.ahead.remove(&log);
    }

    /// Everything up to `seq` is here, or will never come (`synced`, `reset`).
    pub(crate) fn skip_to(&mut self, cursors: &mut BTreeMap<LogId, Seq>, log: LogId, seq: Seq) {
        let cursor = cursors.entry(log).or_insert(seq);
        *cursor = seq.max(*cursor);
        if let Some(ahead) = self.ahead.get_mut(&log) {
            *ahead = ahead.split_off(&(*cursor + 1));
            advance(cursor, ahead);
        }
        self.forget_empty(log);
    }

    /// The server has sent everything.
    pub(crate) fn synced(&mut self) {
        self.synced = true;
    }

    /// Whether the server has sent everything.
    pub(crate) fn is_synced(&self) -> bool {
        self.synced
    }

    /// Whether there is any gap.
    pub(crate) fn has_gaps(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// The logs with a gap, and where it begins, as far as that is known: `synced` says it of the others.
    pub(crate) fn gaps(&self, cursors: &BTreeMap<LogId, Seq>) -> BTreeMap<LogId, Seq> {
        let known = |log: &LogId| Some((*log, *cursors.get(log)?));
        self.ahead.keys().filter_map(known).collect()
    }

    fn forget_empty(&mut self, log: LogId) {
        if self.ahead.get(&log).is_some_and(BTreeSet::is_empty) {
            self.ahead.remove(&log);
        }
    }
}

fn advance(cursor: &mut Seq, ahead: &mut BTreeSet<Seq>) {
    while ahead.remove(&cursor.saturating_add(1)) {
        *cursor += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log() -> LogId {
        LogId::from_random(1)
    }

    #[test]
    fn a_gap_holds_the_cursor_until_it_is_filled() {
        let (mut progress, mut cursors) = (Progress::default(), BTreeMap::from([(log(), 4)]));
        progress.synced();
        progress.take(&mut cursors, log(), 6);
        assert_eq!(cursors[&log()], 4);
        assert_eq!(progress.gaps(&cursors), BTreeMap::from([(log(), 4)]));
        assert!(progress.is_known(&cursors, log(), 6));
        assert!(!progress.is_known(&cursors, log(), 5));
        progress.take(&mut cursors, log(), 5);
        assert_eq!(cursors[&log()], 6);
        assert!(progress.gaps(&cursors).is_empty());
    }

    #[test]
    fn an_unknown_log_starts_where_it_is_caught_up_from_or_at_its_beginning() {
        let (mut progress, mut cursors) = (Progress::default(), BTreeMap::new());
        progress.take(&mut cursors, log(), 40);
        assert_eq!(cursors[&log()], 40);
        progress.synced();
        let new = LogId::from_random(2);
        progress.take(&mut cursors, new, 2);
        assert_eq!(cursors[&new], 0);
        progress.take(&mut cursors, new, 1);
        assert_eq!(cursors[&new], 2);
    }

    #[test]
    fn in_a_chat_the_first_delivery_is_the_start_and_an_own_event_is_not() {
        let (mut progress, mut cursors) = (Progress::default(), BTreeMap::new());
        progress.synced();
        progress.take_own(&mut cursors, log(), 42);
        assert!(cursors.is_empty() && progress.has_gaps());
        assert!(progress.is_known(&cursors, log(), 42));
        assert!(
            progress.gaps(&cursors).is_empty(),
            "no place to resume from"
        );
        progress.take_delivered(&mut cursors, log(), 40);
        assert_eq!(cursors[&log()], 40);
        progress.take_delivered(&mut cursors, log(), 41);
        assert_eq!(cursors[&log()], 42);
        assert!(!progress.has_gaps());
        progress.forget(&mut cursors, log());
        progress.take_delivered(&mut cursors, log(), 60);
        assert_eq!(cursors[&log()], 60);
    }

    #[test]
    fn what_will_never_come_is_skipped() {
        let (mut progress, mut cursors) = (Progress::default(), BTreeMap::from([(log(), 4)]));
        progress.take(&mut cursors, log(), 8);
        progress.skip_to(&mut cursors, log(), 7);
        assert_eq!(cursors[&log()], 8);
        progress.skip_to(&mut cursors, log(), 2);
        assert_eq!(cursors[&log()], 8, "a cursor never goes back");
    }

    proptest! {
        #[test]
        fn any_order_ends_at_the_last_event(order in Just((1..40_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let (mut progress, mut cursors) = (Progress::default(), BTreeMap::new());
            progress.synced();
            for seq in order {
                prop_assert!(!progress.is_known(&cursors, log(), seq));
                progress.take(&mut cursors, log(), seq);
                progress.take(&mut cursors, log(), seq);
                prop_assert!(progress.is_known(&cursors, log(), seq));
            }
            prop_assert_eq!(cursors[&log()], 39);
            prop_assert!(progress.gaps(&cursors).is_empty());
        }
    }
}
