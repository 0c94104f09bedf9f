//! How much somebody has not read, of many logs at once.

use std::collections::HashMap;
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
            values.extend([
                log.into(),
                seq.into(),
                EventKind::Message.code().into(),
                reader.to_i64().into(),
            ]);
        }
        let statement = crate::logs::statement(conn.get_database_backend(), &sql(parts), values);
        for row in conn.query_all_raw(statement).await? {
            let log = LogId::from_i64(row.try_get("", "log")?)?;
            counts.insert(log, row.try_get::<i64>("", "n")?.unsigned_abs());
        }
    }
    Ok(counts)
}

fn sql(parts: usize) -> String {
    let mut text = String::with_capacity(parts * 200);
    for part in 0..parts {
        if part > 0 {
            text.push_str(" UNION ALL ");
        }
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "SELECT log, COUNT(*) AS n FROM (SELECT log FROM events WHERE log = ? AND seq > ? \
             AND kind = ? AND sender <> ? ORDER BY seq LIMIT {MAX_UNREAD}) AS t{part} GROUP BY log"
        );
    }
    text
}
