//! The newest events of the logs that somebody reads or writes, shared by all connections of the node: a thousand
//! devices that missed the same page cost one reading of it. Bounded in bytes and in time; the log itself is the
//! truth, and what is remembered here may end before it does.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use melo_domain::{EventKind, LogId, Seq};
use parking_lot::Mutex;

use crate::{BusMessage, BusSubscriber, LiveEvent};

/// Events that are remembered and forgotten together: a log's events 1 to 128, 129 to 256, …
const STRETCH: u64 = 128;
/// Bytes of all that is remembered.
const MAX_BYTES: usize = 64 << 20;
/// How long a stretch is remembered, from when it was begun.
const LIFE: Duration = Duration::from_secs(60);
/// What a stretch itself takes, and its place in the order.
const STRETCH_BYTES: usize = 256;
/// Whether a log was changed meanwhile is told for this many groups of logs.
const GROUPS: usize = 64;

type Key = (LogId, u64);

/// What is remembered of one stretch: events without a gap.
#[derive(Debug)]
struct Stretch {
    run: VecDeque<Arc<LiveEvent>>,
    bytes: usize,
    /// Its entry in the order.
    begun: u64,
}

#[derive(Debug)]
struct Inner {
    stretches: HashMap<LogId, HashMap<u64, Stretch>>,
    /// Oldest first. An entry whose stretch is gone, or was begun again, is passed over.
    order: VecDeque<(Key, u64, Instant)>,
    bytes: usize,
    next: u64,
    /// How often a log of the group was forgotten.
    forgotten: [u64; GROUPS],
}

/// The memory.
#[derive(Debug)]
pub struct Recent {
    inner: Mutex<Inner>,
    max_bytes: usize,
}

/// What is to be read of a log, and when that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    log: LogId,
    forgotten: u64,
    /// So many events at most: what comes after them is remembered, or is another stretch.
    pub limit: u64,
}

impl Default for Recent {
    fn default() -> Self {
        Self::with_bytes(MAX_BYTES)
    }
}

impl Recent {
    /// A memory of at most so many bytes.
    pub fn with_bytes(max_bytes: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                stretches: HashMap::new(),
                order: VecDeque::new(),
                bytes: 0,
                next: 0,
                forgotten: [0; GROUPS],
            }),
            max_bytes,
        }
    }

    /// The events right after `seq`, oldest first, as far as one stretch of them goes, and no more than `max_bytes`
    /// but at least one; or what is to be read instead.
    pub fn after(
        &self,
        log: LogId,
        seq: Seq,
        max_bytes: usize,
    ) -> Result<Vec<Arc<LiveEvent>>, Missing> {
        let inner = self.inner.lock();
        let first = seq.saturating_add(1);
        let index = index_of(first);
        let mut limit = (index + 1) * STRETCH - seq;
        if let Some(stretch) = inner.stretches.get(&log).and_then(|s| s.get(&index)) {
            match stretch.bounds() {
                Some((from, to)) if (from..=to).contains(&first) => {
                    let skip = usize::try_from(first - from).unwrap_or(usize::MAX);
                    let mut bytes = 0;
                    let fitting = stretch.run.iter().skip(skip).take_while(|event| {
                        let fits = bytes == 0 || bytes + event.size() <= max_bytes;
                        bytes += event.size();
                        fits
                    });
                    return Ok(fitting.cloned().collect());
                }
                Some((from, _)) if from > first => limit = from - first,
                _ => {}
            }
        }
        Err(Missing {
            log,
            forgotten: inner.forgotten.get(group(log)).copied().unwrap_or(0),
            limit,
        })
    }

    /// Remembers what was read of a log, unless it was changed meanwhile. The events are of one stretch, without a gap.
    pub fn remember(&self, missing: Missing, events: &[Arc<LiveEvent>]) {
        let mut inner = self.inner.lock();
        if inner.forgotten.get(group(missing.log)).copied() != Some(missing.forgotten) {
            return;
        }
        inner.put(events, Instant::now());
        inner.shrink(self.max_bytes, Instant::now());
    }

    /// Forgets a log: events of it are not what they were.
    pub fn forget(&self, log: LogId) {
        let mut inner = self.inner.lock();
        if let Some(count) = inner.forgotten.get_mut(group(log)) {
            *count += 1;
        }
        for (_, stretch) in inner.stretches.remove(&log).unwrap_or_default() {
            inner.bytes -= stretch.bytes;
        }
    }

    /// Forgets what is old.
    pub fn sweep(&self) {
        let mut inner = self.inner.lock();
        inner.shrink(self.max_bytes, Instant::now());
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }
}

impl BusSubscriber for Recent {
    fn receive(&self, message: &BusMessage) {
        match message {
            BusMessage::Event { event, .. } => {
                let log = event.event().log;
                if event.event().kind == EventKind::Delete {
                    self.forget(log);
                }
                let mut inner = self.inner.lock();
                inner.put(std::slice::from_ref(event), Instant::now());
                inner.shrink(self.max_bytes, Instant::now());
            }
            BusMessage::LogChanged { log } => self.forget(*log),
            _ => {}
        }
    }
}

impl Stretch {
    fn bounds(&self) -> Option<(Seq, Seq)> {
        let seq = |event: Option<&Arc<LiveEvent>>| event.map(|e| e.event().seq);
        Some((seq(self.run.front())?, seq(self.run.back())?))
    }

    /// Joins events without a gap to these, or has them instead.
    fn merge(&mut self, events: &[Arc<LiveEvent>]) {
        let Some((first, last)) = ends(events) else {
            return;
        };
        match self.bounds() {
            Some((from, to)) if from <= first && last <= to => {}
            // Before, and touching.
            Some((from, to)) if first < from && last + 1 >= from && last <= to => {
                for event in events.iter().rev().filter(|e| e.event().seq < from) {
                    self.run.push_front(Arc::clone(event));
                }
            }
            // Behind, and touching.
            Some((from, to)) if from <= first && first <= to + 1 => {
                let behind = events.iter().filter(|e| e.event().seq > to);
                self.run.extend(behind.cloned());
            }
            // An old event that came late is no reason to forget newer ones.
            Some((from, _)) if last < from => {}
            _ => self.run = events.iter().cloned().collect(),
        }
        self.bytes = STRETCH_BYTES + self.run.iter().map(|e| e.size()).sum::<usize>();
    }
}

impl Inner {
    fn put(&mut self, events: &[Arc<LiveEvent>], now: Instant) {
        let Some((first, _)) = ends(events) else {
            return;
        };
        let Some(log) = events.first().map(|e| e.event().log) else {
            return;
        };
        let index = index_of(first);
        let next = &mut self.next;
        let order = &mut self.order;
        let of_log = self.stretches.entry(log).or_default();
        let stretch = of_log.entry(index).or_insert_with(|| {
            *next += 1;
            order.push_back(((log, index), *next, now));
            Stretch {
                run: VecDeque::new(),
                bytes: 0,
                begun: *next,
            }
        });
        let before = stretch.bytes;
        stretch.merge(events);
        self.bytes = self.bytes + stretch.bytes - before;
    }

    /// Forgets the oldest stretches until what is left is young enough and fits.
    fn shrink(&mut self, max_bytes: usize, now: Instant) {
        while let Some(((log, index), begun, since)) = self.order.front().copied() {
            let old = now.saturating_duration_since(since) >= LIFE;
            if !old && self.bytes <= max_bytes {
                return;
            }
            self.order.pop_front();
            let Some(of_log) = self.stretches.get_mut(&log) else {
                continue;
            };
            if of_log.get(&index).is_some_and(|s| s.begun == begun)
                && let Some(gone) = of_log.remove(&index)
            {
                self.bytes -= gone.bytes;
            }
            if of_log.is_empty() {
                self.stretches.remove(&log);
            }
        }
    }
}

fn ends(events: &[Arc<LiveEvent>]) -> Option<(Seq, Seq)> {
    Some((events.first()?.event().seq, events.last()?.event().seq))
}

/// The stretch that a number is in.
fn index_of(seq: Seq) -> u64 {
    seq.saturating_sub(1) / STRETCH
}

#[allow(clippy::cast_possible_truncation)] // a remainder below 64
fn group(log: LogId) -> usize {
    (log.to_i64().unsigned_abs() % GROUPS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_domain::{LogEvent, LogKind, Timestamp, Uid};

    const PAGE: usize = 1 << 20;

    fn log(n: u64) -> LogId {
        LogId::from_random(n)
    }

    fn event_of(log: LogId, seq: Seq, kind: EventKind) -> Arc<LiveEvent> {
        let event = LogEvent {
            log,
            seq,
            kind,
            sender: Uid::from_random(1),
            device: None,
            client_id: None,
            at: Timestamp::from_millis(0),
            payload: r#""text""#.into(),
        };
        Arc::new(LiveEvent::new(event, LogKind::Direct))
    }

    fn page(seqs: std::ops::RangeInclusive<Seq>) -> Vec<Arc<LiveEvent>> {
        seqs.map(|seq| event_of(log(1), seq, EventKind::Message))
            .collect()
    }

    fn seqs(found: Result<Vec<Arc<LiveEvent>>, Missing>) -> Vec<Seq> {
        found.unwrap().iter().map(|e| e.event().seq).collect()
    }

    fn live(event: Arc<LiveEvent>) -> BusMessage {
        BusMessage::Event {
            event,
            audience: [].into(),
        }
    }

    #[test]
    fn what_was_read_joins_what_came_live() {
        let recent = Recent::default();
        for event in page(11..=13) {
            recent.receive(&live(event));
        }
        assert_eq!(seqs(recent.after(log(1), 10, PAGE)), [11, 12, 13]);
        let missing = recent.after(log(1), 4, PAGE).unwrap_err();
        assert_eq!(missing.limit, 6, "only what is not remembered yet");
        recent.remember(missing, &page(5..=10));
        assert_eq!(
            seqs(recent.after(log(1), 4, PAGE)),
            (5..=13).collect::<Vec<_>>()
        );
        assert_eq!(seqs(recent.after(log(1), 12, PAGE)), [13]);
        assert_eq!(recent.after(log(1), 13, PAGE).unwrap_err().limit, 115);
    }

    #[test]
    fn a_gap_in_what_comes_live_is_not_papered_over() {
        let recent = Recent::default();
        for seq in [1, 2, 5] {
            recent.receive(&live(event_of(log(1), seq, EventKind::Message)));
        }
        assert!(recent.after(log(1), 0, PAGE).is_err());
        assert_eq!(seqs(recent.after(log(1), 4, PAGE)), [5]);
        // One that was overtaken comes late.
        recent.receive(&live(event_of(log(1), 3, EventKind::Message)));
        assert_eq!(seqs(recent.after(log(1), 4, PAGE)), [5]);
    }

    #[test]
    fn pages_end_where_their_stretch_ends() {
        let recent = Recent::default();
        for event in page(127..=130) {
            recent.receive(&live(event));
        }
        assert_eq!(seqs(recent.after(log(1), 126, PAGE)), [127, 128]);
        assert_eq!(seqs(recent.after(log(1), 128, PAGE)), [129, 130]);
        assert_eq!(seqs(recent.after(log(1), 128, 1)), [129]);
    }

    #[test]
    fn an_erased_event_is_forgotten_even_while_it_is_read() {
        let recent = Recent::default();
        recent.remember(recent.after(log(1), 0, PAGE).unwrap_err(), &page(1..=3));
        let reading = recent.after(log(1), 3, PAGE).unwrap_err();
        recent.receive(&live(event_of(log(1), 4, EventKind::Delete)));
        assert!(recent.after(log(1), 0, PAGE).is_err());
        recent.remember(reading, &page(1..=3));
        assert!(
            recent.after(log(1), 0, PAGE).is_err(),
            "read before it was erased"
        );
        assert_eq!(seqs(recent.after(log(1), 3, PAGE)), [4]);
        recent.receive(&BusMessage::LogChanged { log: log(1) });
        assert!(recent.after(log(1), 3, PAGE).is_err());
        assert_eq!(recent.bytes(), 0);
    }

    #[test]
    fn it_is_bounded_in_bytes_and_in_time() {
        let one = event_of(log(11), 1, EventKind::Message).size() + STRETCH_BYTES;
        let recent = Recent::with_bytes(3 * one);
        for n in 11..=20 {
            recent.receive(&live(event_of(log(n), 1, EventKind::Message)));
        }
        assert_eq!(recent.bytes(), 3 * one);
        assert!(recent.after(log(17), 0, PAGE).is_err());
        assert_eq!(seqs(recent.after(log(18), 0, PAGE)), [1]);
        let later = Instant::now() + LIFE;
        recent.inner.lock().shrink(usize::MAX, later);
        assert_eq!(recent.bytes(), 0);
        assert!(recent.inner.lock().stretches.is_empty());
        assert!(recent.inner.lock().order.is_empty());
    }
}
