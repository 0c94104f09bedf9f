//! What became of messages after they were sent: the newest edit, and each person's newest reaction.

use std::collections::HashMap;

use melo_crypto::Keyring;
use melo_domain::{EventKind, LogEvent, LogId, Seq, Uid};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::StorageError;
use crate::entity::events::Model;
use crate::logs::statement;

/// The newest changes of these messages, by the message. One query, whatever there is.
pub async fn newest(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    targets: &[Seq],
) -> Result<HashMap<Seq, Vec<LogEvent>>, StorageError> {
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let places = vec!["?"; targets.len()].join(",");
    // Of reactions each person's newest counts, of edits the newest.
    let sql = format!(
        "SELECT w.target_seq AS target_seq, e.log, e.seq, e.kind, e.sender, e.device, e.client_id, e.day, e.body \
         FROM (SELECT c.target_seq, c.seq, ROW_NUMBER() OVER (PARTITION BY c.target_seq, x.kind, \
         CASE WHEN x.kind = ? THEN x.sender ELSE 0 END ORDER BY c.seq DESC) AS place \
         FROM event_changes c JOIN events x ON x.log = c.log AND x.seq = c.seq \
         WHERE c.log = ? AND x.kind IN (?, ?) AND c.target_seq IN ({places})) w \
         JOIN events e ON e.log = ? AND e.seq = w.seq WHERE w.place = 1 ORDER BY e.seq"
    );
    let reaction = EventKind::Reaction.code();
    let mut values: Vec<Value> = vec![
        reaction.into(),
        log.to_i64().into(),
        EventKind::Edit.code().into(),
        reaction.into(),
    ];
    values.extend(targets.iter().map(|seq| seq.cast_signed().into()));
    values.push(log.to_i64().into());
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), &sql, values))
        .await?;
    let mut found: HashMap<Seq, Vec<LogEvent>> = HashMap::new();
    for row in &rows {
        let target = row.try_get::<i64>("", "target_seq")?.unsigned_abs();
        let event = crate::events::open(keys, &Model::from_query_result(row, "")?)?;
        found.entry(target).or_default().push(event);
    }
    Ok(found)
}

/// How many changes there are to one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Edits.
    pub edits: u64,
    /// Reactions of all.
    pub reactions: u64,
    /// Reactions of the one who asks, those taken back among them.
    pub own_reactions: u64,
}

/// Counts the changes to one message.
pub async fn count(
    conn: &impl ConnectionTrait,
    log: LogId,
    target: Seq,
    sender: Uid,
) -> Result<Counts, StorageError> {
    let sql = "SELECT e.kind AS kind, COUNT(*) AS n, COUNT(CASE WHEN e.sender = ? THEN 1 END) AS own \
               FROM event_changes c JOIN events e ON e.log = c.log AND e.seq = c.seq \
               WHERE c.log = ? AND c.target_seq = ? GROUP BY e.kind";
    let values: [Value; 3] = [
        sender.to_i64().into(),
        log.to_i64().into(),
        target.cast_signed().into(),
    ];
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), sql, values))
        .await?;
    let mut counts = Counts::default();
    for row in &rows {
        let n = row.try_get::<i64>("", "n")?.unsigned_abs();
        match EventKind::from_code(row.try_get("", "kind")?)? {
            EventKind::Edit => counts.edits = n,
            EventKind::Reaction => {
                counts.reactions = n;
                counts.own_reactions = row.try_get::<i64>("", "own")?.unsigned_abs();
            }
            _ => {}
        }
    }
    Ok(counts)
}
