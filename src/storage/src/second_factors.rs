//! Second factors and the recovery codes beside them.

use melo_crypto::{Keyring, TokenHash};
use melo_domain::Uid;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Set,
};
use zeroize::Zeroizing;

use crate::StorageError;
use crate::entity::recovery_codes as codes;
use crate::entity::second_factors::{ActiveModel, Column, Entity};
use crate::sealed::RowSeal;

const TABLE: &str = "second_factors";

/// A person's second factor.
pub struct StoredFactor {
    /// Shared with their authenticator.
    pub secret: Zeroizing<Vec<u8>>,
    /// Whether logins ask for it.
    pub confirmed: bool,
}

/// The second factor of `uid`, confirmed or not.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<StoredFactor>, StorageError> {
    let Some(row) = Entity::find_by_id(uid.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let seal = RowSeal::new(keys, TABLE, uid.to_i64());
    Ok(Some(StoredFactor {
        secret: seal.open("secret", &row.secret)?,
        confirmed: row.confirmed,
    }))
}

/// Whether logins of `uid` ask for a second factor.
pub async fn is_confirmed(conn: &impl ConnectionTrait, uid: Uid) -> Result<bool, StorageError> {
    let row = Entity::find_by_id(uid.to_i64()).one(conn).await?;
    Ok(row.is_some_and(|row| row.confirmed))
}

/// Begins a second factor, in place of one that was never confirmed. A unique violation means that there is
/// a confirmed one.
pub async fn begin(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    secret: &[u8],
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Confirmed.eq(false))
        .exec(conn)
        .await?;
    let seal = RowSeal::new(keys, TABLE, uid.to_i64());
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        secret: Set(seal.bytes("secret", secret)?),
        confirmed: Set(false),
        last_step: Set(0),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Has logins ask for it from now on; says whether they did not before.
pub async fn confirm(conn: &impl ConnectionTrait, uid: Uid) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::Confirmed, Expr::value(true))
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Confirmed.eq(false))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Spends a step and all before it; says whether it was still there to spend. Of two at once, one wins.
pub async fn spend_step(
    conn: &impl ConnectionTrait,
    uid: Uid,
    step: u64,
) -> Result<bool, StorageError> {
    let step = i64::try_from(step).map_err(|_| StorageError::Corrupt("step"))?;
    let done = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::LastStep.lt(step))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Takes the second factor and its recovery codes away; says whether there was one.
pub async fn remove(conn: &impl ConnectionTrait, uid: Uid) -> Result<bool, StorageError> {
    set_recovery_codes(conn, uid, &[]).await?;
    let done = Entity::delete_by_id(uid.to_i64()).exec(conn).await?;
    Ok(done.rows_affected == 1)
}

/// Replaces the recovery codes.
pub async fn set_recovery_codes(
    conn: &impl ConnectionTrait,
    uid: Uid,
    hashes: &[TokenHash],
) -> Result<(), StorageError> {
    codes::Entity::delete_many()
        .filter(codes::Column::Uid.eq(uid.to_i64()))
        .exec(conn)
        .await?;
    for hash in hashes {
        let row = codes::ActiveModel {
            code_hash: Set(hash.as_bytes().to_vec()),
            uid: Set(uid.to_i64()),
        };
        row.insert(conn).await?;
    }
    Ok(())
}

/// Spends a recovery code; says whether there was such a one. Of two at once, one wins.
pub async fn spend_recovery_code(
    conn: &impl ConnectionTrait,
    uid: Uid,
    hash: &TokenHash,
) -> Result<bool, StorageError> {
    let done = codes::Entity::delete_many()
        .filter(codes::Column::CodeHash.eq(hash.as_bytes().to_vec()))
        .filter(codes::Column::Uid.eq(uid.to_i64()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// How many recovery codes are left.
pub async fn recovery_codes_left(
    conn: &impl ConnectionTrait,
    uid: Uid,
) -> Result<u64, StorageError> {
    Ok(codes::Entity::find()
        .filter(codes::Column::Uid.eq(uid.to_i64()))
        .count(conn)
        .await?)
}
