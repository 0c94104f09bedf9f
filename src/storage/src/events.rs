//! Reading events, and appending the few that belong to another change of rows.

use std::collections::HashMap;

use melo_crypto::{Column as SealedColumn, Keyring};
use melo_domain::{DeviceHandle, EventKind, LogEvent, LogId, Seq, Timestamp, Uid};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, Value,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::StorageError;
use crate::entity::event_changes;
use crate::entity::events::{ActiveModel, Column, Entity, Model};
use crate::log_writer::{NewEvent, follow_up, insert_rows};
use crate::sealed::{RowSeal, Sealed};

const TABLE: &str = "events";
pub(crate) const BODY: SealedColumn = SealedColumn::new(TABLE, "body");

/// What the sealed body holds.
#[derive(Deserialize)]
struct Body<'a> {
    at: i64,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// Writes a body's plaintext. By hand: the payload is JSON already and the log writer does this for every message.
pub(crate) fn encode_body(at: Timestamp, payload: &str) -> String {
    format!(r#"{{"at":{},"payload":{payload}}}"#, at.millis())
}

/// The row id in a body's associated data.
pub(crate) fn row_id(log: LogId, seq: Seq) -> String {
    format!("{log}:{seq}")
}

pub(crate) fn open(keys: &Keyring, row: &Model) -> Result<LogEvent, StorageError> {
    let log = LogId::from_i64(row.log)?;
    let seq = row.seq.unsigned_abs();
    let plain = RowSeal::new(keys, TABLE, row_id(log, seq)).open("body", &row.body)?;
    let body: Body<'_> =
        serde_json::from_slice(&plain).map_err(|_| StorageError::Corrupt("event body"))?;
    Ok(LogEvent {
        log,
        seq,
        kind: EventKind::from_code(row.kind)?,
        sender: Uid::from_i64(row.sender)?,
        device: row.device.map(DeviceHandle::from_i64).transpose()?,
        client_id: row
            .client_id
            .as_deref()
            .and_then(|id| Uuid::from_slice(id).ok()),
        at: Timestamp::from_millis(body.at),
        payload: body.payload.get().into(),
    })
}

/// The next events of a log after `after`, oldest first: up to `limit` of them, and no more than fit into
/// `max_bytes` of sealed bodies, but at least one. The sizes are asked for first, so that a page of large
/// messages is never held in memory as a whole.
pub async fn after(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    after: Seq,
    limit: u64,
    max_bytes: usize,
) -> Result<Page, StorageError> {
    let start = i64::try_from(after).unwrap_or(i64::MAX);
    let sql = "SELECT seq, LENGTH(body) AS size FROM events WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?";
    let values = [
        log.to_i64().into(),
        start.into(),
        limit.cast_signed().into(),
    ];
    let statement = crate::logs::statement(conn.get_database_backend(), sql, values);
    let mut bytes = 0;
    let mut end = start;
    let mut whole = true;
    let sizes = conn.query_all_raw(statement).await?;
    for row in &sizes {
        bytes += read_size(row)?;
        if bytes > max_bytes && end > start {
            whole = false;
            break;
        }
        end = row.try_get("", "seq")?;
    }
    let whole = whole && u64::try_from(sizes.len()).unwrap_or(u64::MAX) < limit;
    if end == start {
        return Ok(Page {
            events: Vec::new(),
            whole,
        });
    }
    let rows = Entity::find()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::Seq.between(start.saturating_add(1), end))
        .order_by_asc(Column::Seq)
        .all(conn)
        .await?;
    let events = rows
        .iter()
        .map(|row| open(keys, row))
        .collect::<Result<_, _>>()?;
    Ok(Page { events, whole })
}

/// SQLite counts in 64 bits, the others in 32.
fn read_size(row: &sea_orm::QueryResult) -> Result<usize, StorageError> {
    let size = match row.try_get::<i64>("", "size") {
        Ok(size) => size,
        Err(_) => i64::from(row.try_get::<i32>("", "size")?),
    };
    usize::try_from(size).map_err(|_| StorageError::Corrupt("body size"))
}

/// A stretch of a log.
#[derive(Debug)]
pub struct Page {
    /// Oldest first, without a gap.
    pub events: Vec<LogEvent>,
    /// Whether it reached the log's end.
    pub whole: bool,
}

/// One page of a log's messages, oldest first, page 1 the newest; and how many messages there are.
pub async fn message_page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    page: u32,
    per_page: u32,
) -> Result<(Vec<LogEvent>, u64), StorageError> {
    let query = Entity::find()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::Kind.eq(EventKind::Message.code()));
    let total = query.clone().count(conn).await?;
    let rows = query
        .order_by_desc(Column::Seq)
        .offset(u64::from(page.saturating_sub(1)) * u64::from(per_page))
        .limit(u64::from(per_page))
        .all(conn)
        .await?;
    let events = rows
        .iter()
        .rev()
        .map(|row| open(keys, row))
        .collect::<Result<_, _>>()?;
    Ok((events, total))
}

/// Appends an event inside the caller's transaction, for notices that must be committed together with the
/// change they tell of. The caller publishes it after the commit.
pub async fn append(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    new: NewEvent,
    now: Timestamp,
) -> Result<LogEvent, StorageError> {
    crate::logs::lock(tx, new.log).await?;
    let seq = crate::logs::bounds(tx, new.log).await?.last_seq + 1;
    let event = new.clone().at_position(seq, now);
    insert_rows(tx, keys, std::slice::from_ref(&event)).await?;
    follow_up(
        tx,
        keys,
        std::slice::from_ref(&new),
        std::slice::from_ref(&event),
    )
    .await?;
    Ok(event)
}

/// Appends one event to each of several logs, no log twice, in a number of statements that hardly grows with theirs.
/// Inside the caller's transaction, like [`append`].
pub async fn append_each(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    new: Vec<NewEvent>,
    now: Timestamp,
) -> Result<Vec<LogEvent>, StorageError> {
    let logs: Vec<LogId> = new.iter().map(|event| event.log).collect();
    crate::logs::lock_all(tx, &logs).await?;
    let bounds = crate::logs::bounds_of(tx, &logs).await?;
    let mut events = Vec::with_capacity(new.len());
    for event in &new {
        let log = bounds.get(&event.log);
        let last = log.ok_or(StorageError::Corrupt("log that does not exist"))?;
        events.push(event.clone().at_position(last.last_seq + 1, now));
    }
    insert_rows(tx, keys, &events).await?;
    follow_up(tx, keys, &new, &events).await?;
    Ok(events)
}

/// Bodies up to this are opened for their time alone.
const SMALL: i64 = 64 * 1024;

/// When the last message of each log was written, as far as it lies at or after the given number; in two queries. Of
/// one over 64 KiB only the day is told.
pub async fn last_messages(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    logs: &[(LogId, Seq)],
) -> Result<HashMap<LogId, Timestamp>, StorageError> {
    let backend = conn.get_database_backend();
    let mut found = HashMap::with_capacity(logs.len());
    let from: HashMap<LogId, Seq> = logs.iter().copied().collect();
    for chunk in logs.chunks(100) {
        let sql = format!(
            "SELECT l.id AS log, (SELECT e.seq FROM events e WHERE e.log = l.id AND e.kind = ? \
             ORDER BY e.seq DESC LIMIT 1) AS seq FROM logs l WHERE l.id IN ({})",
            crate::logs::places(chunk.len())
        );
        let kind: Value = EventKind::Message.code().into();
        let ids = chunk.iter().map(|(log, _)| log.to_i64().into());
        let statement = crate::logs::statement(backend, &sql, std::iter::once(kind).chain(ids));
        let mut places: Vec<Value> = Vec::new();
        for row in conn.query_all_raw(statement).await? {
            let log = LogId::from_i64(row.try_get("", "log")?)?;
            let seq: Option<i64> = row.try_get("", "seq")?;
            let seq = seq.filter(|seq| from.get(&log).is_some_and(|from| place(*from) <= *seq));
            if let Some(seq) = seq {
                places.extend([log.to_i64().into(), seq.into()]);
            }
        }
        if places.is_empty() {
            continue;
        }
        let which = vec!["(log = ? AND seq = ?)"; places.len() / 2].join(" OR ");
        let sql = format!(
            "SELECT log, seq, day, CASE WHEN LENGTH(body) <= {SMALL} THEN body END AS body \
             FROM events WHERE {which}"
        );
        let statement = crate::logs::statement(backend, &sql, places);
        for row in conn.query_all_raw(statement).await? {
            let log = LogId::from_i64(row.try_get("", "log")?)?;
            let seq: i64 = row.try_get("", "seq")?;
            let at = match row.try_get::<Option<Sealed>>("", "body")? {
                Some(body) => {
                    let seal = RowSeal::new(keys, TABLE, row_id(log, seq.unsigned_abs()));
                    read_time(&seal.open("body", &body)?)?
                }
                None => Timestamp::from_millis(i64::from(row.try_get::<i32>("", "day")?) * DAY),
            };
            found.insert(log, at);
        }
    }
    Ok(found)
}

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

fn read_time(plain: &[u8]) -> Result<Timestamp, StorageError> {
    let body: Body<'_> =
        serde_json::from_slice(plain).map_err(|_| StorageError::Corrupt("event body"))?;
    Ok(Timestamp::from_millis(body.at))
}

/// The event that a device has sent under this id of its own.
pub async fn by_client_id(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    device: DeviceHandle,
    client_id: Uuid,
) -> Result<Option<LogEvent>, StorageError> {
    let row = Entity::find()
        .filter(Column::Device.eq(device.to_i64()))
        .filter(Column::ClientId.eq(client_id.as_bytes().to_vec()))
        .one(conn)
        .await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// What is known of an event without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What happened.
    pub kind: EventKind,
    /// Who caused it.
    pub sender: Uid,
}

/// What kind of event stands at a place of a log, and whose it is.
pub async fn header(
    conn: &impl ConnectionTrait,
    log: LogId,
    seq: Seq,
) -> Result<Option<Header>, StorageError> {
    let row: Option<(i16, i64)> = Entity::find_by_id((log.to_i64(), place(seq)))
        .select_only()
        .columns([Column::Kind, Column::Sender])
        .into_tuple()
        .one(conn)
        .await?;
    row.map(|(kind, sender)| {
        Ok(Header {
            kind: EventKind::from_code(kind)?,
            sender: Uid::from_i64(sender)?,
        })
    })
    .transpose()
}

/// Takes an event's content away, and that of all changes to it: what stays is that there was one, so that the log
/// has no gap. Nothing to do for one that is gone already. In the caller's transaction.
pub async fn erase(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    target: Seq,
) -> Result<(), StorageError> {
    let mut seqs: Vec<i64> = event_changes::Entity::find()
        .select_only()
        .column(event_changes::Column::Seq)
        .filter(event_changes::Column::Log.eq(log.to_i64()))
        .filter(event_changes::Column::TargetSeq.eq(place(target)))
        .into_tuple()
        .all(tx)
        .await?;
    seqs.push(place(target));
    for chunk in seqs.chunks(200) {
        let rows = Entity::find()
            .filter(Column::Log.eq(log.to_i64()))
            .filter(Column::Seq.is_in(chunk.iter().copied()))
            .filter(Column::Kind.ne(EventKind::Erased.code()))
            .all(tx)
            .await?;
        for row in rows {
            empty(tx, keys, row).await?;
        }
    }
    Ok(())
}

async fn empty(tx: &impl ConnectionTrait, keys: &Keyring, row: Model) -> Result<(), StorageError> {
    let event = open(keys, &row)?;
    let seal = RowSeal::new(keys, TABLE, row_id(event.log, event.seq));
    let changed = ActiveModel {
        log: Set(row.log),
        seq: Set(row.seq),
        kind: Set(EventKind::Erased.code()),
        body: Set(seal.text("body", &encode_body(event.at, "{}"))?),
        ..Default::default()
    };
    changed.update(tx).await?;
    Ok(())
}

fn place(seq: Seq) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
