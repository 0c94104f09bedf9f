//! How much somebody has not read, of many logs at once.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use melo_domain::{EventKind, LogId, Seq, Uid};
use sea_orm::{ConnectionTrait, Value};

use crate::StorageError;

/// Above it nobody counts: a number this large says "many". It bounds what is read of each log.
pub const MAX_UNREAD: u64 = 1_000;
/// Logs in one statement. The embedded database joins 500 parts at most.
const CHUNK: usize = 256;

/// Messages by others after each mark, up to [`MAX_UNREAD`] for each log; a log without any is left out. A mark is
/// the last event that was read, or the last one that is not for the reader. One query for each 256 marks, and nine
/// texts of it in all.
pub async fn unread(
    conn: &impl ConnectionTrait,
    reader: Uid,
    marks: &[(LogId, Seq)],
) -> Result<HashMap<LogId, u64>, StorageError> {
    count(conn, reader, marks, Some(EventKind::Message), MAX_UNREAD).await
}

/// Those of the logs that have an event of somebody else, of whatever kind, after the mark. As many queries as
/// [`unread`].
pub async fn others_after(
    conn: &impl ConnectionTrait,
    reader: Uid,
    marks: &[(LogId, Seq)],
) -> Result<HashSet<LogId>, StorageError> {
    let found = count(conn, reader, marks, None, 1).await?;
    Ok(found.into_keys().collect())
}

async fn count(
    conn: &impl ConnectionTrait,
    reader: Uid,
    marks: &[(LogId, Seq)],
    kind: Option<EventKind>,
    most: u64,
) -> Result<HashMap<LogId, u64>, StorageError> {
    let mut counts = HashMap::with_capacity(marks.len());
    for chunk in marks.chunks(CHUNK) {
        let parts = chunk.len().next_power_of_two();
        let mut values: Vec<Value> = Vec::with_capacity(parts * 4);
        // What is left over of the statement asks of a log that does not exist.
        let nothing = std::iter::repeat((0, i64::MAX));
        let asked = chunk
            .iter()
            .map(|(log, seq)| (log.to_i64(), i64::try_from(*seq).unwrap_or(i64::MAX)));
        for (log, seq) in asked.chain(nothing).take(parts) {
            values.extend([log.into(), seq.into()]);
            values.extend(kind.map(|kind| Value::from(kind.code())));
            values.push(reader.to_i64().into());
        }
        let sql = sql(parts, kind.is_some(), most);
        let statement = crate::logs::statement(conn.get_database_backend(), &sql, values);
        for row in conn.query_all_raw(statement).await? {
            let log = LogId::from_i64(row.try_get("", "log")?)?;
            counts.insert(log, row.try_get::<i64>("", "n")?.unsigned_abs());
        }
    }
    Ok(counts)
}

fn sql(parts: usize, of_kind: bool, most: u64) -> String {
    let kind = if of_kind { "AND kind = ? " } else { "" };
    let mut text = String::with_capacity(parts * 200);
    for part in 0..parts {
        if part > 0 {
            text.push_str(" UNION ALL ");
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "SELECT log, COUNT(*) AS n FROM (SELECT log FROM events WHERE log = ? AND seq > ? \
             {kind}AND sender <> ? ORDER BY seq LIMIT {most}) AS t{part} GROUP BY log"
        );
    }
    text
}
