//! Confirmed mail addresses of people.

use melo_crypto::{Column as SealedColumn, Keyring};
use melo_domain::{Email, Timestamp, Uid};
use sea_orm::sea_query::Cond;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::user_emails::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "user_emails";
const EMAIL: SealedColumn = SealedColumn::new(TABLE, "email");

/// A person's confirmed address.
#[derive(Clone)]
pub struct ConfirmedEmail {
    /// Whose.
    pub uid: Uid,
    /// As entered.
    pub email: String,
    /// When.
    pub confirmed: Timestamp,
}

fn open(keys: &Keyring, row: &Model) -> Result<ConfirmedEmail, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.uid);
    Ok(ConfirmedEmail {
        uid: Uid::from_i64(row.uid)?,
        email: seal.open_text("email", &row.email)?,
        confirmed: seal.open_time("confirmed_at", &row.confirmed_at)?,
    })
}

/// Keeps a confirmed address in place of an earlier one. A unique violation means that it is somebody else's.
pub async fn set(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    email: &Email,
    now: Timestamp,
) -> Result<(), StorageError> {
    remove(conn, uid).await?;
    let seal = RowSeal::new(keys, TABLE, uid.to_i64());
    let index = keys.blind_index(EMAIL, email.normalized().as_bytes());
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        email_index: Set(index.as_bytes().to_vec()),
        email_index_next: Set(None),
        email: Set(seal.text("email", email.as_str())?),
        confirmed_at: Set(seal.time("confirmed_at", now)?),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Forgets a person's address; says whether there was one.
pub async fn remove(conn: &impl ConnectionTrait, uid: Uid) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(uid.to_i64()).exec(conn).await?;
    Ok(done.rows_affected == 1)
}

/// A person's address.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<ConfirmedEmail>, StorageError> {
    let row = Entity::find_by_id(uid.to_i64()).one(conn).await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// Whose address it is.
pub async fn find_owner(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    email: &Email,
) -> Result<Option<Uid>, StorageError> {
    let index = keys.blind_index(EMAIL, email.normalized().as_bytes());
    let index = index.as_bytes().to_vec();
    let row = Entity::find()
        .filter(
            Cond::any()
                .add(Column::EmailIndex.eq(index.clone()))
                .add(Column::EmailIndexNext.eq(index)),
        )
        .one(conn)
        .await?;
    Ok(row.map(|row| Uid::from_i64(row.uid)).transpose()?)
}
