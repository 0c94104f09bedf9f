//! Invites to register: kept as hashes, good for a number of accounts.

use melo_crypto::{Keyring, TokenHash};
use melo_domain::{Timestamp, Uid};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::register_invites::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "register_invites";

/// An invite without its code, which nobody can read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Random.
    pub id: i64,
    /// Who made it.
    pub created_by: Uid,
    /// For how many accounts it was made.
    pub uses: u32,
    /// For how many more it is good.
    pub uses_left: u32,
    /// What its maker wrote down about it.
    pub note: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// It is good until then.
    pub expires: Timestamp,
}

fn open(keys: &Keyring, row: &Model) -> Result<Invite, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.id);
    let note = row.note.as_ref();
    Ok(Invite {
        id: row.id,
        created_by: Uid::from_i64(row.created_by)?,
        uses: u32::try_from(row.uses).unwrap_or(0),
        uses_left: u32::try_from(row.uses_left).unwrap_or(0),
        note: note.map(|note| seal.open_text("note", note)).transpose()?,
        created: seal.open_time("created_at", &row.created_at)?,
        expires: seal.open_time("expires_at", &row.expires_at)?,
    })
}

/// Writes a new invite.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    hash: &TokenHash,
    invite: &Invite,
) -> Result<(), StorageError> {
    let seal = RowSeal::new(keys, TABLE, invite.id);
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let note = invite.note.as_ref();
    let row = ActiveModel {
        id: Set(invite.id),
        code_hash: Set(hash.as_bytes().to_vec()),
        created_by: Set(invite.created_by.to_i64()),
        uses: Set(number(invite.uses)),
        uses_left: Set(number(invite.uses_left)),
        note: Set(note.map(|note| seal.text("note", note)).transpose()?),
        created_at: Set(seal.time("created_at", invite.created)?),
        expires_at: Set(seal.time("expires_at", invite.expires)?),
        expires_day: Set(invite.expires.day()),
    };
    row.insert(conn).await?;
    Ok(())
}

/// The invite with this code's hash.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    hash: &TokenHash,
) -> Result<Option<Invite>, StorageError> {
    let row = Entity::find()
        .filter(Column::CodeHash.eq(hash.as_bytes().to_vec()))
        .one(conn)
        .await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// Takes one of the uses: as many callers are told `true` as there were uses left.
pub async fn take_use(conn: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::UsesLeft, Expr::col(Column::UsesLeft).sub(1))
        .filter(Column::Id.eq(id))
        .filter(Column::UsesLeft.gt(0))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Invites by their ids after `after`, `limit` at most.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<Invite>, StorageError> {
    let mut query = Entity::find();
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    let rows = query
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}

/// Takes an invite away; says whether there was one.
pub async fn remove(conn: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(id).exec(conn).await?;
    Ok(done.rows_affected == 1)
}

/// Removes what expired more than `keep_days` days ago.
pub async fn sweep(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    keep_days: i32,
) -> Result<u64, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::ExpiresDay.lt(now.day() - keep_days))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}
