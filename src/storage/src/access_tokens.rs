//! Personal access tokens. Each stands on a session and a device of its own, so that whatever ends a session
//! ends the token.

use melo_crypto::{Keyring, TokenHash};
use melo_domain::{Scopes, SessionId, Timestamp, Uid};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::access_tokens::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "access_tokens";

/// A token as it is kept; the token itself is not.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The session it stands on, which is its id.
    pub session: SessionId,
    /// Whose.
    pub uid: Uid,
    /// What it is good for.
    pub scopes: Scopes,
    /// What the person calls it.
    pub name: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Writes a new token.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    token: &AccessToken,
    hash: &TokenHash,
) -> Result<(), StorageError> {
    let seal = RowSeal::new(keys, TABLE, token.session.to_i64());
    let row = ActiveModel {
        session: Set(token.session.to_i64()),
        uid: Set(token.uid.to_i64()),
        token_hash: Set(hash.as_bytes().to_vec()),
        name: Set(seal.text("name", &token.name)?),
        scopes: Set(token.scopes.to_string()),
        expires_at: Set(seal.time("expires_at", token.expires)?),
    };
    row.insert(conn).await?;
    Ok(())
}

fn open(keys: &Keyring, row: &Model) -> Result<AccessToken, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.session);
    Ok(AccessToken {
        session: SessionId::from_i64(row.session)?,
        uid: Uid::from_i64(row.uid)?,
        scopes: row
            .scopes
            .parse()
            .map_err(|_| StorageError::Corrupt("scopes"))?,
        name: seal.open_text("name", &row.name)?,
        expires: seal.open_time("expires_at", &row.expires_at)?,
    })
}

/// The token with this hash.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    hash: &TokenHash,
) -> Result<Option<AccessToken>, StorageError> {
    let row = Entity::find()
        .filter(Column::TokenHash.eq(hash.as_bytes().to_vec()))
        .one(conn)
        .await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// All tokens of a person, also those whose session was ended.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Vec<AccessToken>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}

/// Removes a person's token; says whether there was one.
pub async fn remove(
    conn: &impl ConnectionTrait,
    uid: Uid,
    session: SessionId,
) -> Result<bool, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::Session.eq(session.to_i64()))
        .filter(Column::Uid.eq(uid.to_i64()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}
