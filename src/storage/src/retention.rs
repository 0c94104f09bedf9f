//! Old events leave the server: the beginning of a log is cut off, and the log remembers up to where. A row shows the day
//! it was written; of the day in question, the times inside decide.

use melo_crypto::Keyring;
use melo_domain::{LogId, LogKind, Seq, Timestamp};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set, Value,
};

use crate::StorageError;
use crate::entity::{chat_keys, event_changes, events, expiries, logs, pins};
use crate::logs::statement;

/// A log with something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged {
    /// Which.
    pub log: LogId,
    /// Of what.
    pub kind: LogKind,
    /// Seconds that its own events are kept; 0: as long as the server keeps any.
    pub retention: u64,
    /// The day of its oldest event.
    pub oldest: i32,
}

/// The next `limit` logs after `after`, those that are empty left out, and where they end; `None` when there are no more.
pub async fn page(
    conn: &impl ConnectionTrait,
    after: Option<LogId>,
    limit: u64,
) -> Result<(Vec<Aged>, Option<LogId>), StorageError> {
    let sql = "SELECT l.id AS id, l.kind AS kind, l.retention AS retention, (SELECT e.day FROM events e \
               WHERE e.log = l.id ORDER BY e.seq LIMIT 1) AS oldest FROM logs l WHERE l.id > ? ORDER BY l.id LIMIT ?";
    let values: [Value; 2] = [
        after.map_or(0, LogId::to_i64).into(),
        limit.cast_signed().into(),
    ];
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), sql, values))
        .await?;
    let mut found = Vec::with_capacity(rows.len());
    let mut last = None;
    for row in &rows {
        let log = LogId::from_i64(row.try_get("", "id")?)?;
        last = Some(log);
        if let Some(oldest) = row.try_get::<Option<i32>>("", "oldest")? {
            found.push(Aged {
                log,
                kind: LogKind::from_code(row.try_get("", "kind")?)?,
                retention: row.try_get::<i64>("", "retention")?.unsigned_abs(),
                oldest,
            });
        }
    }
    Ok((found, last))
}

/// What of a log is to go.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Which log.
    pub log: LogId,
    /// Of what.
    pub kind: LogKind,
    /// Earlier events go.
    pub before: Timestamp,
    /// The events of keys from this day on stay, and what is behind them: something is sealed under those still.
    pub keys_from: i32,
    /// Events at most.
    pub limit: u64,
}

/// Cuts off a part of a log's beginning; says how many numbers that were. In the caller's transaction.
pub async fn prune(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    cut: &Cut,
) -> Result<u64, StorageError> {
    crate::logs::lock(tx, cut.log).await?;
    let bounds = crate::logs::bounds(tx, cut.log).await?;
    let end = prefix(tx, keys, cut, bounds.pruned_seq, bounds.last_seq).await?;
    if end <= bounds.pruned_seq {
        return Ok(0);
    }
    let (id, place) = (cut.log.to_i64(), end.cast_signed());
    macro_rules! clear {
        ($($table:ident.$column:ident),* $(,)?) => {$(
            $table::Entity::delete_many()
                .filter($table::Column::Log.eq(id))
                .filter($table::Column::$column.lte(place))
                .exec(tx)
                .await?;
        )*};
    }
    clear!(
        events.Seq,
        event_changes.TargetSeq,
        expiries.Seq,
        pins.TargetSeq,
        chat_keys.Seq,
    );
    let row = logs::ActiveModel {
        id: Set(id),
        pruned_seq: Set(place),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(end - bounds.pruned_seq)
}

/// The last number that may go.
async fn prefix(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    cut: &Cut,
    pruned: Seq,
    last: Seq,
) -> Result<Seq, StorageError> {
    let mut reach = pruned.saturating_add(cut.limit).min(last);
    if cut.kind == LogKind::Private {
        // The newest notice stays, however old: a device that comes back finds where its log ends.
        reach = reach.min(last.saturating_sub(1));
    }
    let id = cut.log.to_i64();
    let first =
        "SELECT MIN(e.seq) AS seq FROM events e WHERE e.log = ? AND e.seq <= ? AND e.day >= ?";
    let first_of = |day: i32| {
        let values: [Value; 3] = [id.into(), reach.cast_signed().into(), day.into()];
        number(tx, first, values)
    };
    let day = cut.before.day();
    let mut end = match first_of(day).await? {
        None => reach,
        Some(of_day) => {
            let behind = first_of(day.saturating_add(1)).await?.unwrap_or(reach + 1);
            last_before(tx, keys, cut, of_day - 1, behind).await?
        }
    };
    if cut.kind.is_chat() {
        let needed = "SELECT MIN(k.seq) AS seq FROM chat_keys k JOIN events e ON e.log = k.log AND e.seq = k.seq \
                      WHERE k.log = ? AND k.seq <= ? AND e.day >= ?";
        let values: [Value; 3] = [id.into(), end.cast_signed().into(), cut.keys_from.into()];
        if let Some(key) = number(tx, needed, values).await? {
            end = end.min(key - 1);
        }
    }
    Ok(end)
}

/// The last event between two numbers that was written before the moment. The first is before it, the second is not.
async fn last_before(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    cut: &Cut,
    mut before: Seq,
    mut behind: Seq,
) -> Result<Seq, StorageError> {
    while before + 1 < behind {
        let middle = before + (behind - before) / 2;
        let event = crate::events::at(tx, keys, cut.log, &[middle]).await?;
        if event.get(&middle).is_none_or(|event| event.at < cut.before) {
            before = middle;
        } else {
            behind = middle;
        }
    }
    Ok(before)
}

async fn number(
    tx: &impl ConnectionTrait,
    sql: &str,
    values: [Value; 3],
) -> Result<Option<Seq>, StorageError> {
    let row = tx
        .query_one_raw(statement(tx.get_database_backend(), sql, values))
        .await?;
    let found = row.map(|row| row.try_get::<Option<i64>>("", "seq"));
    Ok(found.transpose()?.flatten().map(i64::unsigned_abs))
}
