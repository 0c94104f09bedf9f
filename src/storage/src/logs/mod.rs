//! Logs: what kind they are of, where they begin and end. Who is in them, and how they stand for a device, is looked after
//! beside.

mod members;
mod states;

pub use members::{
    NewMember, add_member, among, is_member, members, note_members_change, note_members_changes,
    peers, remove_member,
};
pub use states::{LogState, of_person, page_of_person};

use std::collections::HashMap;

use melo_crypto::Keyring;
use melo_domain::{ChatRole, LogId, LogKind, Seq, Timestamp, Uid};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryResult, QuerySelect, Set,
    Statement, Value,
};

use crate::StorageError;
use crate::entity::logs;

/// Logs in one statement.
const CHUNK: usize = 200;
/// What [`Bounds`] are read with; a condition follows.
const BOUNDS: &str = "SELECT l.id AS id, l.pruned_seq AS pruned, l.members_seq AS members, \
                      l.removed_seq AS removed, \
                      (SELECT MAX(e.seq) FROM events e WHERE e.log = l.id) AS last \
                      FROM logs l WHERE";

/// Makes a log with its first members.
pub async fn create(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: LogId,
    kind: LogKind,
    members: &[Uid],
    now: Timestamp,
) -> Result<(), StorageError> {
    let row = logs::ActiveModel {
        id: Set(id.to_i64()),
        kind: Set(kind.code()),
        pruned_seq: Set(0),
        members_seq: Set(0),
        removed_seq: Set(0),
        disappearing: Set(0),
        retention: Set(0),
    };
    row.insert(conn).await?;
    for member in members {
        let joining = NewMember {
            uid: *member,
            role: ChatRole::Member,
            from_seq: 0,
        };
        add_member(conn, keys, id, joining, now).await?;
    }
    Ok(())
}

/// Seconds that a message of this log lives; 0: as long as the log keeps it.
pub async fn disappearing(conn: &impl ConnectionTrait, log: LogId) -> Result<u64, StorageError> {
    let seconds: Option<i64> = logs::Entity::find_by_id(log.to_i64())
        .select_only()
        .column(logs::Column::Disappearing)
        .into_tuple()
        .one(conn)
        .await?;
    Ok(seconds.unwrap_or(0).unsigned_abs())
}

/// Sets how many seconds a message of this log lives from now on; 0: as long as the log keeps it.
pub async fn set_disappearing(
    tx: &impl ConnectionTrait,
    log: LogId,
    seconds: u64,
) -> Result<(), StorageError> {
    let row = logs::ActiveModel {
        id: Set(log.to_i64()),
        disappearing: Set(seconds.cast_signed()),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}

/// Of what kind a log is; `None` when there is none of that id.
pub async fn kind(
    conn: &impl ConnectionTrait,
    log: LogId,
) -> Result<Option<LogKind>, StorageError> {
    let kind: Option<i16> = logs::Entity::find_by_id(log.to_i64())
        .select_only()
        .column(logs::Column::Kind)
        .into_tuple()
        .one(conn)
        .await?;
    Ok(kind.map(LogKind::from_code).transpose()?)
}

/// The first and the last place of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Events up to here are gone.
    pub pruned_seq: Seq,
    /// The newest number ever used; 0 in an empty log.
    pub last_seq: Seq,
    /// The event of the last change of members or roles.
    pub members_seq: Seq,
    /// The event of the last removal of a member or a member's device.
    pub removed_seq: Seq,
}

/// Where these logs begin and end, in one query for each 200. What does not exist is left out.
pub async fn bounds_of(
    conn: &impl ConnectionTrait,
    logs: &[LogId],
) -> Result<HashMap<LogId, Bounds>, StorageError> {
    let backend = conn.get_database_backend();
    let mut found = HashMap::with_capacity(logs.len());
    for chunk in logs.chunks(CHUNK) {
        let sql = format!("{BOUNDS} l.id IN ({})", places(chunk.len()));
        let values = chunk.iter().map(|log| log.to_i64().into());
        for row in conn.query_all_raw(statement(backend, &sql, values)).await? {
            let log = LogId::from_i64(row.try_get("", "id")?)?;
            found.insert(log, read_bounds(&row)?);
        }
    }
    Ok(found)
}

/// Where a log begins and ends.
pub async fn bounds(conn: &impl ConnectionTrait, log: LogId) -> Result<Bounds, StorageError> {
    let found = bounds_of(conn, &[log]).await?.remove(&log);
    found.ok_or(StorageError::Corrupt("log that does not exist"))
}

fn read_bounds(row: &QueryResult) -> Result<Bounds, StorageError> {
    let pruned_seq = row.try_get::<i64>("", "pruned")?.unsigned_abs();
    let last = row
        .try_get::<Option<i64>>("", "last")?
        .unwrap_or(0)
        .unsigned_abs();
    Ok(Bounds {
        pruned_seq,
        last_seq: last.max(pruned_seq),
        members_seq: row.try_get::<i64>("", "members")?.unsigned_abs(),
        removed_seq: row.try_get::<i64>("", "removed")?.unsigned_abs(),
    })
}

/// Keeps other transactions that call this from appending to the log until this one ends. The embedded
/// database has one writing transaction at a time anyway. The first statement of a transaction, so that what it reads
/// after it is newer than the lock.
pub async fn lock(tx: &impl ConnectionTrait, log: LogId) -> Result<(), StorageError> {
    let backend = tx.get_database_backend();
    if backend == DatabaseBackend::Sqlite {
        return Ok(());
    }
    let sql = "SELECT id FROM logs WHERE id = ? FOR UPDATE";
    tx.query_one_raw(statement(backend, sql, [log.to_i64().into()]))
        .await?;
    Ok(())
}

/// The same for several logs, in one order for all.
pub(crate) async fn lock_all(
    tx: &impl ConnectionTrait,
    logs: &[LogId],
) -> Result<(), StorageError> {
    let backend = tx.get_database_backend();
    if backend == DatabaseBackend::Sqlite {
        return Ok(());
    }
    let mut ids: Vec<i64> = logs.iter().map(|log| log.to_i64()).collect();
    ids.sort_unstable();
    for chunk in ids.chunks(CHUNK) {
        let places = places(chunk.len());
        let sql = format!("SELECT id FROM logs WHERE id IN ({places}) ORDER BY id FOR UPDATE");
        let values = chunk.iter().map(|id| (*id).into());
        tx.query_all_raw(statement(backend, &sql, values)).await?;
    }
    Ok(())
}

/// So many `?` with commas between them.
pub(crate) fn places(count: usize) -> String {
    vec!["?"; count].join(",")
}

/// A statement with `?` for its parameters, in the form the database wants.
pub(crate) fn statement(
    backend: DatabaseBackend,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    if backend != DatabaseBackend::Postgres {
        return Statement::from_sql_and_values(backend, sql, values);
    }
    let mut numbered = String::with_capacity(sql.len() + 64);
    let mut n = 0;
    for c in sql.chars() {
        if c == '?' {
            n += 1;
            numbered.push('$');
            numbered.push_str(&n.to_string());
        } else {
            numbered.push(c);
        }
    }
    Statement::from_sql_and_values(backend, numbered, values)
}
