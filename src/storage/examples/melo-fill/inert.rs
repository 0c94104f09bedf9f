//! Chats that only lie there: what a server has stored, as far as an index can tell.

use std::error::Error;

use melo_domain::{EventKind, LogKind, Timestamp, Uid};
use melo_storage::{ConnectionTrait as _, Database};

/// Members, messages and devices' positions of each.
const MEMBERS: u32 = 3;
const MESSAGES: u32 = 2;
const POSITIONS: u32 = 2;
/// Their members have the ids from here on, so many of them: nobody else is given one.
const FIRST_UID: i64 = 10_000_000;
const UIDS: i64 = 1 << 26;
/// KiB of the database that this connection may keep in memory meanwhile.
const CACHE_KIB: u32 = 1 << 20;

/// Whether an id is for members of these chats only.
pub(crate) fn is_theirs(uid: Uid) -> bool {
    (FIRST_UID..FIRST_UID + UIDS).contains(&uid.to_i64())
}

/// Makes `count` of them, in one transaction, with ids that lie anywhere. Their sealed columns are as long as real ones
/// and hold random bytes. For the embedded database.
pub(crate) async fn make(db: &Database, count: u64, now: Timestamp) -> Result<(), Box<dyn Error>> {
    if count == 0 {
        return Ok(());
    }
    let db_write = db.write();
    db_write
        .execute_unprepared(&format!("PRAGMA cache_size=-{CACHE_KIB}"))
        .await?;
    let tx = db.begin().await?;
    for statement in statements(count, now) {
        tx.execute_unprepared(&statement).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn statements(count: u64, now: Timestamp) -> Vec<String> {
    let (group, message) = (LogKind::Group.code(), EventKind::Message.code());
    let day = now.day();
    let numbers = |last: &str| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) ")
    };
    let several = |each: u32| format!("{} ", numbers(&each.to_string()));
    let uid = format!("{FIRST_UID} + (random() & {})", UIDS - 1);
    let device = "random() & 9223372036854775807";
    vec![
        "CREATE TEMP TABLE inert (id INTEGER PRIMARY KEY)".to_owned(),
        format!(
            "{}INSERT OR IGNORE INTO inert SELECT 1 + (random() & 9007199254740990) FROM n",
            numbers(&count.to_string())
        ),
        format!(
            "INSERT INTO logs (id, kind, pruned_seq, members_seq, removed_seq, disappearing, retention) \
             SELECT id, {group}, 0, 0, 0, 0, 0 FROM inert"
        ),
        format!(
            "INSERT INTO chats (id, owner, is_public, by_request, share_history, slow_mode, title, created_at) \
             SELECT id, {uid}, 0, 0, 0, 0, randomblob(56), randomblob(41) FROM inert"
        ),
        // Two members may come out the same.
        format!(
            "{}INSERT OR IGNORE INTO log_members (log, uid, joined_at, role, from_seq) \
             SELECT id, {uid}, randomblob(41), 1, 0 FROM inert CROSS JOIN n",
            several(MEMBERS)
        ),
        format!(
            "{}INSERT INTO events (log, seq, kind, sender, device, client_id, day, body) \
             SELECT id, i, {message}, {uid}, {device}, randomblob(16), {day}, randomblob(330) \
             FROM inert CROSS JOIN n",
            several(MESSAGES)
        ),
        format!(
            "{}INSERT INTO cursors (device, log, position) \
             SELECT {device}, id, randomblob(49) FROM inert CROSS JOIN n",
            several(POSITIONS)
        ),
        "DROP TABLE inert".to_owned(),
    ]
}
