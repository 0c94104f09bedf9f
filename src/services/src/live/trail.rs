//! What a stream of events has sent, so that its successor can go on where the client says it was cut off. An event id
//! is `<stream>-<n>`: the n-th event of a stream. Kept in this process's memory, for as long as a client may take to
//! come back; where it is gone, the stored positions are the beginning, and events are only repeated.

use std::collections::{HashMap, VecDeque};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use melo_crypto::random;
use melo_domain::{DeviceHandle, LogId, Seq};
use moka::sync::Cache;
use parking_lot::Mutex;

use crate::{Caller, Core};

/// How long after its last heartbeat a stream is remembered.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// Streams that are remembered.
const STREAMS: u64 = 10_000;
/// The newest events of a stream, each of which can be the last one that arrived. More than lie between a client and us
/// would have been cut off as slow.
const EVENTS: usize = 512;

/// What is remembered of all streams.
pub(crate) struct Trails(Cache<u64, Arc<Mutex<Trail>>>);

impl Default for Trails {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(STREAMS)
                .time_to_idle(IDLE)
                .build(),
        )
    }
}

#[derive(Debug)]
struct Trail {
    device: DeviceHandle,
    sent: u64,
    /// Where the device was after the events that are not listed any more.
    before: HashMap<LogId, Seq>,
    before_n: u64,
    /// Which event brought the device to which place.
    newest: VecDeque<(u64, LogId, Seq)>,
}

impl Trail {
    fn note(&mut self, log: LogId, seq: Seq) {
        if self.newest.len() >= EVENTS
            && let Some((n, log, seq)) = self.newest.pop_front()
        {
            self.before.insert(log, seq);
            self.before_n = n;
        }
        self.newest.push_back((self.sent, log, seq));
    }

    /// Where the device was after event `n`.
    fn up_to(&self, n: u64) -> Option<HashMap<LogId, Seq>> {
        if n < self.before_n || n > self.sent {
            return None;
        }
        let mut had = self.before.clone();
        let newest = self.newest.iter().take_while(|(at, ..)| *at <= n);
        had.extend(newest.map(|(_, log, seq)| (*log, *seq)));
        Some(had)
    }
}

/// An event's id, as clients hand it back in `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastEventId {
    stream: u64,
    n: u64,
}

impl std::fmt::Display for LastEventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}-{}", self.stream, self.n)
    }
}

/// Not an id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event")]
pub struct NotAnEventId;

impl FromStr for LastEventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        let (stream, n) = text.split_once('-').ok_or(NotAnEventId)?;
        if stream.len() != 16 || stream.starts_with('+') {
            return Err(NotAnEventId);
        }
        Ok(Self {
            stream: u64::from_str_radix(stream, 16).map_err(|_| NotAnEventId)?,
            n: n.parse().map_err(|_| NotAnEventId)?,
        })
    }
}

/// One stream while it is open.
pub struct Stream {
    id: u64,
    trail: Arc<Mutex<Trail>>,
    core: Arc<Core>,
}

impl Stream {
    /// Begins a stream of the caller's device.
    pub fn begin(core: Arc<Core>, caller: Caller) -> Self {
        let id = random::u64();
        let trail = Arc::new(Mutex::new(Trail {
            device: caller.device,
            sent: 0,
            before: HashMap::new(),
            before_n: 0,
            newest: VecDeque::new(),
        }));
        core.trails.0.insert(id, Arc::clone(&trail));
        Self { id, trail, core }
    }

    /// The id of the next event, which brings the device to `mark` if it is one of a log.
    pub fn next_id(&self, mark: Option<(LogId, Seq)>) -> LastEventId {
        let mut trail = self.trail.lock();
        trail.sent += 1;
        if let Some((log, seq)) = mark {
            trail.note(log, seq);
        }
        LastEventId {
            stream: self.id,
            n: trail.sent,
        }
    }

    /// The device got to `seq` without an event: it is its own, and known from the answer to the call.
    pub fn pass(&self, log: LogId, seq: Seq) {
        self.trail.lock().note(log, seq);
    }

    /// The stream lives.
    pub fn touch(&self) {
        self.core.trails.0.get(&self.id);
    }

    /// Where the device was after that event of an earlier stream of it; nothing if that is not known.
    pub fn had(&self, caller: Caller, last: LastEventId) -> Option<HashMap<LogId, Seq>> {
        let trail = self.core.trails.0.get(&last.stream)?;
        let trail = trail.lock();
        if trail.device == caller.device {
            trail.up_to(last.n)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_nothing_else_does() {
        let id = LastEventId { stream: 7, n: 12 };
        assert_eq!(id.to_string(), "0000000000000007-12");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "-",
            "7-12",
            "0000000000000007-",
            "0000000000000007",
            "+000000000000007-1",
            "0000000000000007--1",
            "000000000000000g-1",
            "0000000000000007-99999999999999999999999",
        ] {
            assert_eq!(bad.parse::<LastEventId>(), Err(NotAnEventId), "{bad}");
        }
    }

    #[test]
    fn the_newest_events_are_known_one_by_one() {
        let log = LogId::from_random(1);
        let mut trail = Trail {
            device: DeviceHandle::from_random(2),
            sent: 0,
            before: HashMap::new(),
            before_n: 0,
            newest: VecDeque::new(),
        };
        for seq in 1..=1000 {
            trail.sent += 1;
            trail.note(log, seq);
        }
        assert_eq!(trail.up_to(1000).unwrap()[&log], 1000);
        assert_eq!(trail.up_to(700).unwrap()[&log], 700);
        assert_eq!(trail.up_to(488).unwrap()[&log], 488);
        assert!(trail.up_to(487).is_none(), "too long ago");
        assert!(trail.up_to(1001).is_none(), "never sent");
    }
}
