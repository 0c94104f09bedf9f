//! Device tokens: the one that is good, and those that were replaced.

use melo_crypto::{Keyring, TokenHash};
use melo_domain::{DeviceHandle, Timestamp, Uid};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use super::seal;
use crate::StorageError;
use crate::entity::devices::{ActiveModel, Column, Entity};
use crate::entity::spent_device_tokens as spent;
use crate::sealed::RowSeal;

const SPENT: &str = "spent_device_tokens";

/// Gives the device a new token; the one before it dies.
pub async fn set_token(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    handle: DeviceHandle,
    token: &TokenHash,
    expires: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(handle.to_i64()),
        token_hash: Set(Some(token.as_bytes().to_vec())),
        token_expires: Set(Some(seal(keys, handle).time("token_expires", expires)?)),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// Replaces a device's token by another, if it still is `old`; says whether it was. Of two at once, one wins.
/// The old one is remembered, so that its next use is noticed.
pub async fn rotate_token(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    handle: DeviceHandle,
    old: &TokenHash,
    (token, expires): (&TokenHash, Timestamp),
    now: Timestamp,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .set(ActiveModel {
            token_hash: Set(Some(token.as_bytes().to_vec())),
            token_expires: Set(Some(seal(keys, handle).time("token_expires", expires)?)),
            ..Default::default()
        })
        .filter(Column::Id.eq(handle.to_i64()))
        .filter(Column::TokenHash.eq(old.as_bytes().to_vec()))
        .exec(tx)
        .await?;
    if done.rows_affected != 1 {
        return Ok(false);
    }
    let hash = old.as_bytes().to_vec();
    let seal = RowSeal::new(keys, SPENT, hex(&hash));
    let row = spent::ActiveModel {
        token_hash: Set(hash),
        device: Set(handle.to_i64()),
        day: Set(now.day()),
        spent_at: Set(seal.time("spent_at", now)?),
    };
    row.insert(tx).await?;
    Ok(true)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// When this token of the device was replaced, if it was one of it.
pub async fn spent_token(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    handle: DeviceHandle,
    token: &TokenHash,
) -> Result<Option<Timestamp>, StorageError> {
    let hash = token.as_bytes().to_vec();
    let row = spent::Entity::find_by_id(hash.clone())
        .filter(spent::Column::Device.eq(handle.to_i64()))
        .one(conn)
        .await?;
    let seal = RowSeal::new(keys, SPENT, hex(&hash));
    row.map(|row| seal.open_time("spent_at", &row.spent_at))
        .transpose()
}

/// Forgets replaced tokens of days before `day`, which have expired in any case.
pub async fn forget_spent_tokens(
    conn: &impl ConnectionTrait,
    day: i32,
) -> Result<u64, StorageError> {
    let done = spent::Entity::delete_many()
        .filter(spent::Column::Day.lt(day))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}

/// Which of a person's devices lose their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// This one's.
    Of(DeviceHandle),
    /// Every other one's.
    AllBut(DeviceHandle),
    /// Every one's.
    All,
}

/// Takes device tokens away: the next login there needs the password. Says how many there were.
pub async fn drop_tokens(
    conn: &impl ConnectionTrait,
    uid: Uid,
    which: Tokens,
) -> Result<u64, StorageError> {
    let mut update = Entity::update_many()
        .set(ActiveModel {
            token_hash: Set(None),
            token_expires: Set(None),
            ..Default::default()
        })
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::TokenHash.is_not_null());
    match which {
        Tokens::Of(handle) => update = update.filter(Column::Id.eq(handle.to_i64())),
        Tokens::AllBut(handle) => update = update.filter(Column::Id.ne(handle.to_i64())),
        Tokens::All => {}
    }
    Ok(update.exec(conn).await?.rows_affected)
}
