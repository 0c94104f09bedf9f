//! One-time codes: one for each purpose and person, found by a keyed look-up, tried a few times at most.

use melo_crypto::{Column as SealedColumn, Keyring, random};
use melo_domain::{CodePurpose, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::codes::{ActiveModel, Column, Entity};
use crate::sealed::RowSeal;

const TABLE: &str = "codes";
const SUBJECT: SealedColumn = SealedColumn::new(TABLE, "subject");

/// A code as it was sent.
pub struct StoredCode {
    /// Names it when it is spent.
    pub id: i64,
    /// The digits.
    pub code: String,
    /// It is good until then.
    pub expires: Timestamp,
}

fn index_of(keys: &Keyring, purpose: CodePurpose, subject: &str) -> Vec<u8> {
    let subject = format!("{}:{subject}", purpose.code());
    let index = keys.blind_index(SUBJECT, subject.as_bytes());
    index.as_bytes().to_vec()
}

/// Keeps a code for `subject` (a phone, a user id) in place of one that was there. A unique violation means
/// that another one was put there at the same moment.
pub async fn put(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    purpose: CodePurpose,
    subject: &str,
    code: &str,
    expires: Timestamp,
) -> Result<(), StorageError> {
    forget(conn, keys, purpose, subject).await?;
    let id = i64::try_from(random::u64() >> 1).unwrap_or(1);
    let seal = RowSeal::new(keys, TABLE, id);
    let row = ActiveModel {
        id: Set(id),
        subject_index: Set(index_of(keys, purpose, subject)),
        code: Set(seal.text("code", code)?),
        attempts: Set(0),
        expires_at: Set(seal.time("expires_at", expires)?),
        expires_day: Set(expires.day()),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Forgets the code of `subject`.
pub async fn forget(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    purpose: CodePurpose,
    subject: &str,
) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::SubjectIndex.eq(index_of(keys, purpose, subject)))
        .exec(conn)
        .await?;
    Ok(())
}

/// Takes one of `most` attempts at the code of `subject`, and returns it. `None`: there is none, or its
/// attempts are used up. Not in a transaction that may be taken back: then the attempt would not count.
pub async fn attempt(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    purpose: CodePurpose,
    subject: &str,
    most: i32,
) -> Result<Option<StoredCode>, StorageError> {
    let index = index_of(keys, purpose, subject);
    let taken = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::SubjectIndex.eq(index.clone()))
        .filter(Column::Attempts.lt(most))
        .exec(conn)
        .await?;
    let found = Entity::find()
        .filter(Column::SubjectIndex.eq(index))
        .one(conn)
        .await?;
    let Some(row) = found.filter(|_| taken.rows_affected == 1) else {
        return Ok(None);
    };
    let seal = RowSeal::new(keys, TABLE, row.id);
    Ok(Some(StoredCode {
        id: row.id,
        code: seal.open_text("code", &row.code)?,
        expires: seal.open_time("expires_at", &row.expires_at)?,
    }))
}

/// Whether a code was not spent yet.
pub async fn stands(conn: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    Ok(Entity::find_by_id(id).one(conn).await?.is_some())
}

/// Spends a code: of any number of callers at once exactly one is told `true`.
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
