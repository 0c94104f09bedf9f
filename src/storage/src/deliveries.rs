//! What became of text messages.

use melo_crypto::Keyring;
use melo_domain::{DeliveryStatus, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::sms_deliveries::{ActiveModel, Column, Entity};
use crate::sealed::RowSeal;

const TABLE: &str = "sms_deliveries";

/// A message was put into the queue, under the id of its job.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: i64,
    now: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(id),
        status: Set(DeliveryStatus::Queued.code()),
        updated_at: Set(RowSeal::new(keys, TABLE, id).time("updated_at", now)?),
        created_day: Set(now.day()),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Moves a message's status forward; a report that is overtaken by a later one changes nothing. Says whether
/// there is such a message.
pub async fn advance(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: i64,
    status: DeliveryStatus,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let updated = RowSeal::new(keys, TABLE, id).time("updated_at", now)?;
    let done = Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.code()))
        .col_expr(Column::UpdatedAt, Expr::value(updated))
        .filter(Column::Id.eq(id))
        .filter(Column::Status.lt(status.code()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1 || self::status(conn, id).await?.is_some())
}

/// How far a message has come.
pub async fn status(
    conn: &impl ConnectionTrait,
    id: i64,
) -> Result<Option<DeliveryStatus>, StorageError> {
    let row = Entity::find_by_id(id).one(conn).await?;
    let status = row.map(|row| DeliveryStatus::from_code(row.status));
    Ok(status.transpose()?)
}

/// Removes what is older than `keep_days` days.
pub async fn sweep(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    keep_days: i32,
) -> Result<u64, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::CreatedDay.lt(now.day() - keep_days))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}
