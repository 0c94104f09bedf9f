//! Who is in a log.

use std::collections::{HashMap, HashSet};

use melo_crypto::Keyring;
use melo_domain::{ChatRole, LogId, Seq, Timestamp, Uid};
use sea_orm::ActiveValue::NotSet;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set,
};

use super::{CHUNK, places, statement};
use crate::StorageError;
use crate::entity::{log_members, logs};
use crate::sealed::RowSeal;

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

/// The other person of each of these direct logs, in one query.
pub async fn peers(
    conn: &impl ConnectionTrait,
    uid: Uid,
    direct: &[LogId],
) -> Result<HashMap<LogId, Uid>, StorageError> {
    let rows: Vec<(i64, i64)> = log_members::Entity::find()
        .select_only()
        .columns([log_members::Column::Log, log_members::Column::Uid])
        .filter(log_members::Column::Log.is_in(direct.iter().map(|log| log.to_i64())))
        .filter(log_members::Column::Uid.ne(uid.to_i64()))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(log, peer)| Ok((LogId::from_i64(log)?, Uid::from_i64(peer)?)))
        .collect()
}
