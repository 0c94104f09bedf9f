//! Public keys of people, and what they keep of their own.

use melo_crypto::Keyring;
use melo_domain::{Timestamp, Uid};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::seal;
use crate::StorageError;
use crate::entity::users::{ActiveModel, Column, Entity};

/// Replaces the account's RSA key (PEM).
pub async fn set_e2e_key(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    pem: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = seal(keys, uid);
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        e2e_key: Set(seal.text("e2e_key", pem)?),
        e2e_key_updated: Set(seal.time("e2e_key_updated", now)?),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// Sets the identity key, or keeps it (`None`), and raises the directory's version by one. Returns the new version.
pub async fn bump_directory(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    identity_key: Option<&[u8]>,
) -> Result<u64, StorageError> {
    let mut update = Entity::update_many()
        .col_expr(
            Column::DirectoryVersion,
            Expr::col(Column::DirectoryVersion).add(1),
        )
        .filter(Column::Uid.eq(uid.to_i64()));
    if let Some(key) = identity_key {
        let sealed = seal(keys, uid).bytes("identity_key", key)?;
        update = update.col_expr(Column::IdentityKey, Expr::value(sealed));
    }
    update.exec(conn).await?;
    let row = Entity::find_by_id(uid.to_i64()).one(conn).await?;
    let row = row.ok_or(StorageError::Corrupt("missing user row"))?;
    Ok(u64::try_from(row.directory_version).unwrap_or(0))
}

/// Stores the client's own encrypted key backup.
pub async fn set_key_backup(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    ciphertext: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = seal(keys, uid);
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        key_backup: Set(Some(seal.text("key_backup", ciphertext)?)),
        key_backup_updated: Set(Some(seal.time("key_backup_updated", now)?)),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// The client's own encrypted key backup and when it was stored.
pub async fn key_backup(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<(String, Timestamp)>, StorageError> {
    let Some(row) = Entity::find_by_id(uid.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let (Some(backup), Some(updated)) = (row.key_backup, row.key_backup_updated) else {
        return Ok(None);
    };
    let seal = seal(keys, uid);
    Ok(Some((
        seal.open_text("key_backup", &backup)?,
        seal.open_time("key_backup_updated", &updated)?,
    )))
}
