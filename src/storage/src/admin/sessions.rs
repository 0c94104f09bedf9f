//! Live sessions of a person.

use melo_crypto::Keyring;
use melo_domain::{SessionId, SessionKind, Uid};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};

use crate::StorageError;
use crate::entity::sessions::{Column, Entity};
use crate::sessions::{SessionView, view};

fn live(uid: Uid, kind: Option<SessionKind>) -> Select<Entity> {
    let query = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Active.eq(true));
    match kind {
        Some(kind) => query.filter(Column::Kind.eq(kind.code())),
        None => query,
    }
}

/// Live sessions after `after`, `limit` at most.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    after: Option<SessionId>,
    limit: u64,
) -> Result<Vec<SessionView>, StorageError> {
    let mut query = live(uid, None);
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after.to_i64()));
    }
    let rows = query
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    rows.iter().map(|row| view(keys, row)).collect()
}

/// How many live sessions of this kind there are.
pub async fn count(
    conn: &impl ConnectionTrait,
    uid: Uid,
    kind: SessionKind,
) -> Result<u64, StorageError> {
    Ok(live(uid, Some(kind)).count(conn).await?)
}
