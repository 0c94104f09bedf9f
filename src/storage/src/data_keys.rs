//! The wrapped data keys.

use melo_crypto::{KeyState, KeyUsage, Purpose, WrappedKey};
use melo_domain::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::data_keys::{ActiveModel, Column, Entity};

/// All of them, of every purpose and state.
pub async fn all(conn: &impl ConnectionTrait) -> Result<Vec<WrappedKey>, StorageError> {
    let rows = Entity::find().all(conn).await?;
    rows.into_iter()
        .map(|row| {
            Ok(WrappedKey {
                id: u32::try_from(row.id).map_err(|_| StorageError::Corrupt("data key id"))?,
                purpose: Purpose::from_code(row.purpose)
                    .map_err(|_| StorageError::Corrupt("data key purpose"))?,
                wrapped: row.wrapped,
                state: KeyState::from_code(row.state)
                    .map_err(|_| StorageError::Corrupt("data key state"))?,
                created: Timestamp::from_millis(row.created),
                seals: u64::try_from(row.seals).unwrap_or(0),
            })
        })
        .collect()
}

/// Writes a new key, current from now on; the older ones of its purpose retire.
pub async fn insert_current(
    conn: &impl ConnectionTrait,
    key: &WrappedKey,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(KeyState::Retired.code()))
        .filter(Column::Purpose.eq(key.purpose.code()))
        .exec(conn)
        .await?;
    let row = ActiveModel {
        id: Set(i64::from(key.id)),
        purpose: Set(key.purpose.code()),
        wrapped: Set(key.wrapped.clone()),
        state: Set(key.state.code()),
        created: Set(key.created.millis()),
        seals: Set(i64::try_from(key.seals).unwrap_or(i64::MAX)),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Keeps how many values each key has sealed. `ahead` is added so that a crash before the next call never
/// lets a key be used more often than its count says.
pub async fn save_usage(
    conn: &impl ConnectionTrait,
    usage: &[KeyUsage],
    ahead: u64,
) -> Result<(), StorageError> {
    for key in usage {
        let seals = i64::try_from(key.seals.saturating_add(ahead)).unwrap_or(i64::MAX);
        Entity::update_many()
            .col_expr(Column::Seals, Expr::value(seals))
            .filter(Column::Id.eq(i64::from(key.id)))
            .exec(conn)
            .await?;
    }
    Ok(())
}
