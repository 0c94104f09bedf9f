//! Tokens that were mailed: kept as hashes, one for each purpose and person, spent once.

use melo_crypto::{Keyring, TokenHash, random};
use melo_domain::{MailTokenPurpose, Timestamp, Uid};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::mail_tokens::{ActiveModel, Column, Entity};
use crate::sealed::RowSeal;

const TABLE: &str = "mail_tokens";

/// A token as it was mailed, without itself.
#[derive(Debug, Clone)]
pub struct MailToken {
    /// Names it when it is spent.
    pub id: i64,
    /// Whose.
    pub uid: Uid,
    /// The address it was sent to.
    pub email: String,
    /// It is good until then.
    pub expires: Timestamp,
}

/// Keeps a token in place of one of the same person and purpose.
pub async fn put(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    purpose: MailTokenPurpose,
    hash: &TokenHash,
    email: &str,
    expires: Timestamp,
) -> Result<(), StorageError> {
    forget(conn, uid, purpose).await?;
    let id = i64::try_from(random::u64() >> 1).unwrap_or(1);
    let seal = RowSeal::new(keys, TABLE, id);
    let row = ActiveModel {
        id: Set(id),
        uid: Set(uid.to_i64()),
        purpose: Set(purpose.code()),
        token_hash: Set(hash.as_bytes().to_vec()),
        email: Set(seal.text("email", email)?),
        expires_at: Set(seal.time("expires_at", expires)?),
        expires_day: Set(expires.day()),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Forgets a person's tokens of that purpose.
pub async fn forget(
    conn: &impl ConnectionTrait,
    uid: Uid,
    purpose: MailTokenPurpose,
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Purpose.eq(purpose.code()))
        .exec(conn)
        .await?;
    Ok(())
}

/// The token with this hash.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    purpose: MailTokenPurpose,
    hash: &TokenHash,
) -> Result<Option<MailToken>, StorageError> {
    let row = Entity::find()
        .filter(Column::TokenHash.eq(hash.as_bytes().to_vec()))
        .filter(Column::Purpose.eq(purpose.code()))
        .one(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let seal = RowSeal::new(keys, TABLE, row.id);
    Ok(Some(MailToken {
        id: row.id,
        uid: Uid::from_i64(row.uid)?,
        email: seal.open_text("email", &row.email)?,
        expires: seal.open_time("expires_at", &row.expires_at)?,
    }))
}

/// Whether a token was not spent yet.
pub async fn stands(conn: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    Ok(Entity::find_by_id(id).one(conn).await?.is_some())
}

/// Spends a token: of any number of callers at once exactly one is told `true`.
pub async fn spend(conn: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(id).exec(conn).await?;
    Ok(done.rows_affected == 1)
}

/// Removes what expired before today.
pub async fn sweep(conn: &impl ConnectionTrait, now: Timestamp) -> Result<u64, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::ExpiresDay.lt(now.day()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}
