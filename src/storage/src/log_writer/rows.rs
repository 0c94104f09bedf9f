//! The one INSERT of the message path. Raw SQL with a fixed set of texts, so that the database's statement
//! cache holds all of them.

use melo_crypto::Keyring;
use melo_domain::LogEvent;
use sea_orm::{ConnectionTrait, Value};

use crate::StorageError;
use crate::events::{BODY, encode_body, row_id};

const COLUMNS: usize = 8;
/// Rows of the longest statement: 64 × 8 parameters are within every database's limit.
const MAX_ROWS: usize = 64;

/// Inserts events that have their numbers. More than [`MAX_ROWS`] take several statements: the caller holds a
/// transaction then.
pub(crate) async fn insert_rows(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    events: &[LogEvent],
) -> Result<(), StorageError> {
    let mut rest = events;
    while !rest.is_empty() {
        // Powers of two only: seven texts in all.
        let rows = largest_power_of_two(rest.len().min(MAX_ROWS));
        let (now, later) = rest.split_at(rows);
        let mut values: Vec<Value> = Vec::with_capacity(rows * COLUMNS);
        for event in now {
            push_values(keys, event, &mut values)?;
        }
        let statement = crate::logs::statement(conn.get_database_backend(), &sql(rows), values);
        conn.execute_raw(statement).await?;
        rest = later;
    }
    Ok(())
}

/// Whether [`insert_rows`] writes that many in one statement, which is a transaction by itself.
pub(crate) fn single_statement(rows: usize) -> bool {
    rows.is_power_of_two() && rows <= MAX_ROWS
}

fn largest_power_of_two(n: usize) -> usize {
    if n.is_power_of_two() {
        n
    } else {
        n.next_power_of_two() / 2
    }
}

fn sql(rows: usize) -> String {
    let mut text = String::from(
        "INSERT INTO events (log, seq, kind, sender, device, client_id, day, body) VALUES ",
    );
    for row in 0..rows {
        text.push_str(if row == 0 {
            "(?,?,?,?,?,?,?,?)"
        } else {
            ",(?,?,?,?,?,?,?,?)"
        });
    }
    text
}

fn push_values(
    keys: &Keyring,
    event: &LogEvent,
    values: &mut Vec<Value>,
) -> Result<(), StorageError> {
    let body = encode_body(event.at, &event.payload);
    let sealed = keys.seal(
        BODY,
        row_id(event.log, event.seq).as_bytes(),
        body.as_bytes(),
    )?;
    let seq = i64::try_from(event.seq).map_err(|_| StorageError::Corrupt("sequence number"))?;
    values.extend([
        event.log.to_i64().into(),
        seq.into(),
        event.kind.code().into(),
        event.sender.to_i64().into(),
        event.device.map(melo_domain::DeviceHandle::to_i64).into(),
        event.client_id.map(|id| id.as_bytes().to_vec()).into(),
        event.at.day().into(),
        sealed.into(),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_count_is_split_into_known_statements() {
        for count in 1..=600_usize {
            let mut rest = count;
            while rest > 0 {
                let rows = largest_power_of_two(rest.min(MAX_ROWS));
                assert!(single_statement(rows));
                rest -= rows;
            }
        }
    }
}
