//! When people were last there. Who is there now is short-lived state.

use std::collections::HashMap;

use melo_crypto::Keyring;
use melo_domain::{AccountState, Timestamp, Uid};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::presence::{ActiveModel, Column, Entity};
use crate::entity::users;
use crate::sealed::RowSeal;

/// Rows of one statement.
const CHUNK: usize = 200;

fn seal(keys: &Keyring, uid: Uid) -> RowSeal<'_> {
    RowSeal::new(keys, "presence", uid.to_i64())
}

/// Writes when these people were last there, in statements of a bounded size. Whoever has left for good meanwhile is
/// passed over.
pub async fn save(
    tx: &DatabaseTransaction,
    keys: &Keyring,
    seen: &[(Uid, Timestamp)],
) -> Result<(), StorageError> {
    for chunk in seen.chunks(CHUNK) {
        // Held, so that none of them leaves before this is written.
        let there: Vec<i64> = users::Entity::find()
            .select_only()
            .column(users::Column::Uid)
            .filter(users::Column::Uid.is_in(chunk.iter().map(|(uid, _)| uid.to_i64())))
            .lock_shared()
            .into_tuple()
            .all(tx)
            .await?;
        let mut rows = Vec::with_capacity(there.len());
        for (uid, at) in chunk {
            if there.contains(&uid.to_i64()) {
                rows.push(ActiveModel {
                    uid: Set(uid.to_i64()),
                    last_seen: Set(seal(keys, *uid).time("last_seen", *at)?),
                });
            }
        }
        if rows.is_empty() {
            continue;
        }
        let replace = OnConflict::column(Column::Uid)
            .update_column(Column::LastSeen)
            .to_owned();
        Entity::insert_many(rows)
            .on_conflict(replace)
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

/// When these people were last there, in one query; of whom nothing is known is left out.
pub async fn last_seen(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<HashMap<Uid, Timestamp>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.is_in(uids.iter().map(|uid| uid.to_i64())))
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let uid = Uid::from_i64(row.uid)?;
            Ok((uid, seal(keys, uid).open_time("last_seen", &row.last_seen)?))
        })
        .collect()
}

/// How the accounts of these people stand, in one query; who has none is left out.
pub async fn states(
    conn: &impl ConnectionTrait,
    uids: &[Uid],
) -> Result<HashMap<Uid, AccountState>, StorageError> {
    let rows: Vec<(i64, i16)> = users::Entity::find()
        .select_only()
        .columns([users::Column::Uid, users::Column::State])
        .filter(users::Column::Uid.is_in(uids.iter().map(|uid| uid.to_i64())))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(uid, state)| Ok((Uid::from_i64(uid)?, AccountState::from_code(state)?)))
        .collect()
}
