//! Past messages of a log, by the page or from a place on.

use melo_crypto::Keyring;
use melo_domain::{EventKind, LogEvent, LogId, Seq};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::StorageError;
use crate::entity::events::{Column, Entity};
use crate::events::{open, was_change};

/// One page of a log's messages from `from` on, oldest first, page 1 the newest; and how many messages there are.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    from: Seq,
    page: u32,
    per_page: u32,
) -> Result<(Vec<LogEvent>, u64), StorageError> {
    let query = Entity::find()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::Seq.gte(from.cast_signed()))
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

/// Which way to go from a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what is older than this.
    Before(Seq),
    /// To what is newer than this.
    After(Seq),
}

/// A stretch of a log's messages and calls.
#[derive(Debug)]
pub struct Slice {
    /// Oldest first: messages, what is left of those that are gone, and records of calls.
    pub events: Vec<LogEvent>,
    /// Where to go on; `None` when there is nothing there.
    pub next: Option<Seq>,
}

/// Messages and calls from a place on, none before `from`, `limit` at most. Fewer do not mean that there are no more.
pub async fn slice(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    from: Seq,
    direction: Direction,
    limit: u64,
) -> Result<Slice, StorageError> {
    let kinds = [
        EventKind::Message.code(),
        EventKind::Erased.code(),
        EventKind::CallRecord.code(),
    ];
    let query = Entity::find()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::Seq.gte(from.cast_signed()))
        .filter(Column::Kind.is_in(kinds))
        .limit(limit);
    let place = |seq: Seq| i64::try_from(seq).unwrap_or(i64::MAX);
    let query = match direction {
        Direction::Before(seq) => query
            .filter(Column::Seq.lt(place(seq)))
            .order_by_desc(Column::Seq),
        Direction::After(seq) => query
            .filter(Column::Seq.gt(place(seq)))
            .order_by_asc(Column::Seq),
    };
    let mut rows = query.all(conn).await?;
    let full = u64::try_from(rows.len()).unwrap_or(u64::MAX) >= limit;
    let next = rows
        .last()
        .filter(|_| full)
        .map(|row| row.seq.unsigned_abs());
    if matches!(direction, Direction::Before(_)) {
        rows.reverse();
    }
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let event = open(keys, row)?;
        if !was_change(&event) {
            events.push(event);
        }
    }
    Ok(Slice { events, next })
}
