//! Which messages of a log are pinned now. Written by the log writer, with the event that pins or unpins.

use std::collections::HashSet;

use melo_crypto::Keyring;
use melo_domain::{LogEvent, LogId, Seq};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::entity::pins::{ActiveModel, Column, Entity};
use crate::{StorageError, events};

/// A pinned message and the event that pinned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The message.
    pub message: LogEvent,
    /// The event.
    pub by: LogEvent,
}

/// Pins a message, whether it is pinned or not.
pub(crate) async fn put(
    tx: &impl ConnectionTrait,
    log: LogId,
    target: Seq,
    seq: Seq,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        log: Set(log.to_i64()),
        target_seq: Set(target.cast_signed()),
        seq: Set(seq.cast_signed()),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::Log, Column::TargetSeq])
                .update_column(Column::Seq)
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Unpins a message, if it is pinned.
pub(crate) async fn remove(
    tx: &impl ConnectionTrait,
    log: LogId,
    target: Seq,
) -> Result<(), StorageError> {
    Entity::delete_by_id((log.to_i64(), target.cast_signed()))
        .exec(tx)
        .await?;
    Ok(())
}

/// How many messages of a log other than `but` are pinned.
pub async fn count_others(
    conn: &impl ConnectionTrait,
    log: LogId,
    but: Seq,
) -> Result<u64, StorageError> {
    let others = Entity::find()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::TargetSeq.ne(but.cast_signed()));
    Ok(others.count(conn).await?)
}

/// Which of these messages are pinned.
pub async fn among(
    conn: &impl ConnectionTrait,
    log: LogId,
    targets: &[Seq],
) -> Result<HashSet<Seq>, StorageError> {
    let found: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::TargetSeq)
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::TargetSeq.is_in(targets.iter().map(|seq| seq.cast_signed())))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(found.into_iter().map(i64::unsigned_abs).collect())
}

/// The pinned messages of a log from `from` on, the one that was pinned last first.
pub async fn of_log(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    from: Seq,
) -> Result<Vec<Pin>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::TargetSeq.gte(from.cast_signed()))
        .order_by_desc(Column::Seq)
        .all(conn)
        .await?;
    let seqs: Vec<Seq> = rows
        .iter()
        .flat_map(|row| [row.target_seq.unsigned_abs(), row.seq.unsigned_abs()])
        .collect();
    let found = events::at(conn, keys, log, &seqs).await?;
    let mut pins = Vec::with_capacity(rows.len());
    for row in rows {
        let message = found.get(&row.target_seq.unsigned_abs());
        let by = found.get(&row.seq.unsigned_abs());
        if let (Some(message), Some(by)) = (message, by) {
            pins.push(Pin {
                message: message.clone(),
                by: by.clone(),
            });
        }
    }
    Ok(pins)
}
