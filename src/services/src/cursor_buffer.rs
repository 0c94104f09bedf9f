//! Acknowledged positions on their way to the database, merged per device and log and written once a second.

use std::collections::HashMap;
use std::time::Duration;

use melo_domain::{DeviceHandle, LogId};
use melo_storage::cursors::{self, Position};
use melo_storage::{StorageError, Store};
use moka::sync::Cache;
use parking_lot::Mutex;

type Positions = HashMap<(DeviceHandle, LogId), Position>;

/// How long a position that was not set by a connection is held against those that connections set: a connection that
/// does not know of it notes older ones.
const RAISED_LIFE: Duration = Duration::from_secs(2 * 3600);
/// Such positions at most.
const RAISED: u64 = 100_000;

/// Bounded by its use: a device has one entry per log it is in, and every second takes all away.
pub(crate) struct CursorBuffer {
    dirty: Mutex<Positions>,
    raised: Cache<(DeviceHandle, LogId), Position>,
    /// What a flush has taken and not written yet: still the newest there is.
    flushing: tokio::sync::Mutex<()>,
    in_flight: Mutex<Positions>,
}

impl Default for CursorBuffer {
    fn default() -> Self {
        Self {
            dirty: Mutex::default(),
            raised: Cache::builder()
                .max_capacity(RAISED)
                .time_to_live(RAISED_LIFE)
                .build(),
            flushing: tokio::sync::Mutex::default(),
            in_flight: Mutex::default(),
        }
    }
}

impl CursorBuffer {
    /// Notes a position that no connection of the device knows of.
    pub(crate) fn raise(&self, device: DeviceHandle, log: LogId, position: Position) {
        self.raised.insert((device, log), position);
        self.note(device, log, position);
    }

    /// Notes a position. Positions only move forward.
    pub(crate) fn note(&self, device: DeviceHandle, log: LogId, mut position: Position) {
        if let Some(raised) = self.raised.get(&(device, log)) {
            merge(&mut position, raised);
        }
        let mut dirty = self.dirty.lock();
        merge(dirty.entry((device, log)).or_default(), position);
    }

    /// What is known beyond the database's row.
    pub(crate) fn newest(&self, device: DeviceHandle, log: LogId, stored: Position) -> Position {
        let mut newest = stored;
        if let Some(raised) = self.raised.get(&(device, log)) {
            merge(&mut newest, raised);
        }
        for positions in [&self.in_flight, &self.dirty] {
            if let Some(position) = positions.lock().get(&(device, log)) {
                merge(&mut newest, *position);
            }
        }
        newest
    }

    /// Keeps everybody from writing until what is returned is dropped: for deleting devices, of which no position
    /// may be written after them.
    pub(crate) async fn pause(&self) -> Paused<'_> {
        Paused {
            buffer: self,
            _turn: self.flushing.lock().await,
        }
    }

    /// Writes all of it. What could not be written is kept for the next time.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StorageError> {
        let _one_at_a_time = self.flushing.lock().await;
        let taken = {
            let mut dirty = self.dirty.lock();
            let taken = std::mem::take(&mut *dirty);
            self.in_flight.lock().clone_from(&taken);
            taken
        };
        if taken.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = taken
            .iter()
            .map(|((device, log), position)| (*device, *log, *position))
            .collect();
        let written = cursors::save(store.db.write(), &store.keys, &rows).await;
        if written.is_err() {
            for (device, log, position) in rows {
                self.note(device, log, position);
            }
        }
        self.in_flight.lock().clear();
        written
    }
}

/// Nothing is written.
pub(crate) struct Paused<'a> {
    buffer: &'a CursorBuffer,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl Paused<'_> {
    /// Forgets what was noted for these devices.
    pub(crate) fn forget(&self, devices: &[DeviceHandle]) {
        let mut dirty = self.buffer.dirty.lock();
        dirty.retain(|(device, _), _| !devices.contains(device));
    }
}

fn merge(into: &mut Position, other: Position) {
    into.delivered = into.delivered.max(other.delivered);
    into.read = into.read.max(other.read);
}
