//! How the logs of a person stand for one of their devices.

use melo_crypto::Keyring;
use melo_domain::{DeviceHandle, LogId, LogKind, Seq, Uid};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use super::statement;
use crate::StorageError;
use crate::cursors::{self, Position};
use crate::sealed::Sealed;

/// One of a person's logs, as it stands for one of their devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// Which.
    pub log: LogId,
    /// Of what.
    pub kind: LogKind,
    /// The first event that is for this person.
    pub from_seq: Seq,
    /// The newest event; 0 in an empty log.
    pub last_seq: Seq,
    /// Events up to here are gone.
    pub pruned_seq: Seq,
    /// How far the device is.
    pub position: Position,
}

const STATES: &str = "SELECT m.log AS log, m.from_seq AS from_seq, l.kind AS kind, l.pruned_seq AS pruned, \
     (SELECT MAX(e.seq) FROM events e WHERE e.log = m.log) AS last, c.position AS position \
     FROM log_members m JOIN logs l ON l.id = m.log \
     LEFT JOIN cursors c ON c.log = m.log AND c.device = ? WHERE m.uid = ?";

/// All logs of a person with the device's position in each, in one query.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    device: DeviceHandle,
) -> Result<Vec<LogState>, StorageError> {
    let values: [Value; 2] = [device.to_i64().into(), uid.to_i64().into()];
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), STATES, values))
        .await?;
    rows.iter()
        .map(|row| open_state(keys, device, row))
        .collect()
}

/// The same in pages: at most `limit` of the logs whose id is above `after`, in the order of their ids.
pub async fn page_of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    device: DeviceHandle,
    after: Option<LogId>,
    limit: u32,
) -> Result<Vec<LogState>, StorageError> {
    let sql = format!("{STATES} AND m.log > ? ORDER BY m.log LIMIT ?");
    let values: [Value; 4] = [
        device.to_i64().into(),
        uid.to_i64().into(),
        after.map_or(0, LogId::to_i64).into(),
        i64::from(limit).into(),
    ];
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), &sql, values))
        .await?;
    rows.iter()
        .map(|row| open_state(keys, device, row))
        .collect()
}

fn open_state(
    keys: &Keyring,
    device: DeviceHandle,
    row: &QueryResult,
) -> Result<LogState, StorageError> {
    let log = LogId::from_i64(row.try_get("", "log")?)?;
    let pruned_seq = row.try_get::<i64>("", "pruned")?.unsigned_abs();
    let last = row
        .try_get::<Option<i64>>("", "last")?
        .unwrap_or(0)
        .unsigned_abs();
    let position = match row.try_get::<Option<Sealed>>("", "position")? {
        Some(sealed) => cursors::open(keys, device, log, &sealed)?,
        None => Position::default(),
    };
    Ok(LogState {
        log,
        kind: LogKind::from_code(row.try_get("", "kind")?)?,
        from_seq: row.try_get::<i64>("", "from_seq")?.unsigned_abs(),
        last_seq: last.max(pruned_seq),
        pruned_seq,
        position,
    })
}
