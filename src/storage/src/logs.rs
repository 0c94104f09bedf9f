//! Logs and who is in them.

use std::collections::{HashMap, HashSet};

use melo_crypto::Keyring;
use melo_domain::{ChatRole, DeviceHandle, LogId, LogKind, Seq, Timestamp, Uid};
use sea_orm::ActiveValue::NotSet;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, QueryFilter,
    QueryResult, QuerySelect, Set, Statement, Value,
};

use crate::StorageError;
use crate::cursors::{self, Position};
use crate::entity::{log_members, logs};
use crate::sealed::{RowSeal, Sealed};

/// Logs in one statement.
const CHUNK: usize = 200;
/// What [`Bounds`] are read with; a condition follows.
const BOUNDS: &str = "SELECT l.id AS id, l.pruned_seq AS pruned, l.members_seq AS members, \
                      l.removed_seq AS removed, \
                      (SELECT MAX(e.seq) FROM events e WHERE e.log = l.id) AS last \
                      FROM logs l WHERE";

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

/// Somebody who is to be in a log.
#[derive(Debug, Clone, Copy)]
pub struct NewMember {
    /// Who.
    pub uid: Uid,
    /// As what. In logs that are no chats everybody is a member.
    pub role: ChatRole,
    /// The first event that is for them.
    pub from_seq: Seq,
}

/// Puts somebody into a log. A unique violation means that they are in it.
pub async fn add_member(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    member: NewMember,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = RowSeal::new(
        keys,
        "log_members",
        format!("{log}:{}", member.uid.to_i64()),
    );
    let row = log_members::ActiveModel {
        log: Set(log.to_i64()),
        uid: Set(member.uid.to_i64()),
        joined_at: Set(seal.time("joined_at", now)?),
        role: Set(member.role.code()),
        from_seq: Set(member.from_seq.cast_signed()),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Takes somebody out of a log; says whether they were in it.
pub async fn remove_member(
    conn: &impl ConnectionTrait,
    log: LogId,
    uid: Uid,
) -> Result<bool, StorageError> {
    let done = log_members::Entity::delete_by_id((log.to_i64(), uid.to_i64()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Notes the event of a change of members or roles, which the log writer compares with what a sender knew. After a
/// removal, of a member or of a member's device, keys made before it are stale.
pub async fn note_members_change(
    tx: &impl ConnectionTrait,
    log: LogId,
    seq: Seq,
    removal: bool,
) -> Result<(), StorageError> {
    let seq = seq.cast_signed();
    let row = logs::ActiveModel {
        id: Set(log.to_i64()),
        members_seq: Set(seq),
        removed_seq: if removal { Set(seq) } else { NotSet },
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}

/// The same for the newest event of each of these logs, which is the change.
pub async fn note_members_changes(
    tx: &impl ConnectionTrait,
    logs: &[LogId],
    removal: bool,
) -> Result<(), StorageError> {
    let last = "(SELECT MAX(e.seq) FROM events e WHERE e.log = logs.id)";
    let removed = if removal {
        format!(", removed_seq = {last}")
    } else {
        String::new()
    };
    for chunk in logs.chunks(CHUNK) {
        let places = places(chunk.len());
        let sql = format!("UPDATE logs SET members_seq = {last}{removed} WHERE id IN ({places})");
        let values = chunk.iter().map(|log| log.to_i64().into());
        let backend = tx.get_database_backend();
        tx.execute_raw(statement(backend, &sql, values)).await?;
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

/// Whether the person is in the log.
pub async fn is_member(
    conn: &impl ConnectionTrait,
    log: LogId,
    uid: Uid,
) -> Result<bool, StorageError> {
    let found = log_members::Entity::find_by_id((log.to_i64(), uid.to_i64()))
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// Everybody in the log.
pub async fn members(conn: &impl ConnectionTrait, log: LogId) -> Result<Vec<Uid>, StorageError> {
    let rows = log_members::Entity::find()
        .filter(log_members::Column::Log.eq(log.to_i64()))
        .all(conn)
        .await?;
    rows.iter().map(|row| Ok(Uid::from_i64(row.uid)?)).collect()
}

/// Those of these logs that the person is in, in one query.
pub async fn among(
    conn: &impl ConnectionTrait,
    uid: Uid,
    of: &[LogId],
) -> Result<HashSet<LogId>, StorageError> {
    let rows = log_members::Entity::find()
        .filter(log_members::Column::Uid.eq(uid.to_i64()))
        .filter(log_members::Column::Log.is_in(of.iter().map(|log| log.to_i64())))
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| Ok(LogId::from_i64(row.log)?))
        .collect()
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

/// All logs of a person with the device's position in each, in one query.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    device: DeviceHandle,
) -> Result<Vec<LogState>, StorageError> {
    let sql = "SELECT m.log AS log, m.from_seq AS from_seq, l.kind AS kind, l.pruned_seq AS pruned, \
               (SELECT MAX(e.seq) FROM events e WHERE e.log = m.log) AS last, c.position AS position \
               FROM log_members m JOIN logs l ON l.id = m.log \
               LEFT JOIN cursors c ON c.log = m.log AND c.device = ? WHERE m.uid = ?";
    let values: [Value; 2] = [device.to_i64().into(), uid.to_i64().into()];
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), sql, values))
        .await?;
    let mut states = Vec::with_capacity(rows.len());
    for row in rows {
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
        states.push(LogState {
            log,
            kind: LogKind::from_code(row.try_get("", "kind")?)?,
            from_seq: row.try_get::<i64>("", "from_seq")?.unsigned_abs(),
            last_seq: last.max(pruned_seq),
            pruned_seq,
            position,
        });
    }
    Ok(states)
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
