//! Devices of people. Their tokens and their published keys are looked after beside.

mod directory;
mod tokens;

pub use directory::{PublishedDevice, Unpublish, kids, publish, published, unpublish};
pub use tokens::{Tokens, drop_tokens, forget_spent_tokens, rotate_token, set_token, spent_token};

use melo_crypto::{Column as SealedColumn, Keyring, TokenHash};
use melo_domain::{ClientDeviceId, DeviceHandle, Timestamp, Uid};
use sea_orm::sea_query::Cond;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::devices::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "devices";
const DEVICE_ID: SealedColumn = SealedColumn::new(TABLE, "device_id");

/// A device as the login needs it.
pub struct Device {
    /// Public name.
    pub handle: DeviceHandle,
    /// Whose.
    pub uid: Uid,
    /// Hash of the device token, while one is good.
    pub token: Option<(TokenHash, Timestamp)>,
}

fn seal(keys: &Keyring, handle: DeviceHandle) -> RowSeal<'_> {
    RowSeal::new(keys, TABLE, handle.to_i64())
}

fn index_of(keys: &Keyring, uid: Uid, id: &ClientDeviceId) -> Vec<u8> {
    // Two people may use one phone: the index is of the pair.
    let pair = format!("{uid}:{}", id.as_str());
    keys.blind_index(DEVICE_ID, pair.as_bytes())
        .as_bytes()
        .to_vec()
}

fn open(keys: &Keyring, row: &Model) -> Result<Device, StorageError> {
    let handle = DeviceHandle::from_i64(row.id)?;
    let token = match (&row.token_hash, &row.token_expires) {
        (Some(hash), Some(expires)) => {
            let hash =
                TokenHash::from_bytes(hash).map_err(|_| StorageError::Corrupt("token hash"))?;
            Some((
                hash,
                seal(keys, handle).open_time("token_expires", expires)?,
            ))
        }
        _ => None,
    };
    Ok(Device {
        handle,
        uid: Uid::from_i64(row.uid)?,
        token,
    })
}

/// The device that `uid` calls `id`.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    id: &ClientDeviceId,
) -> Result<Option<Device>, StorageError> {
    let index = index_of(keys, uid, id);
    let row = Entity::find()
        .filter(
            Cond::any()
                .add(Column::DeviceIndex.eq(index.clone()))
                .add(Column::DeviceIndexNext.eq(index)),
        )
        .one(conn)
        .await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// The device with this public name.
pub async fn find_by_handle(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    handle: DeviceHandle,
) -> Result<Option<Device>, StorageError> {
    let row = Entity::find_by_id(handle.to_i64()).one(conn).await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// Writes a new device.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    handle: DeviceHandle,
    uid: Uid,
    id: &ClientDeviceId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = seal(keys, handle);
    let row = ActiveModel {
        id: Set(handle.to_i64()),
        uid: Set(uid.to_i64()),
        device_index: Set(index_of(keys, uid, id)),
        device_id: Set(seal.text("device_id", id.as_str())?),
        created_at: Set(seal.time("created_at", now)?),
        ..Default::default()
    };
    row.insert(conn).await?;
    Ok(())
}

/// A device as its owner sees it.
#[derive(Debug, Clone)]
pub struct DeviceView {
    /// Public name.
    pub handle: DeviceHandle,
    /// What the client calls it.
    pub device_id: String,
    /// When it first signed in.
    pub created: Timestamp,
    /// Until when its device token is good, if it has one.
    pub token_expires: Option<Timestamp>,
    /// Whether it is in the key directory.
    pub published: bool,
}

/// The devices of a person, oldest first, `limit` at most.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    limit: u64,
) -> Result<Vec<DeviceView>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    let views: Result<Vec<_>, StorageError> = rows
        .iter()
        .map(|row| {
            let handle = DeviceHandle::from_i64(row.id)?;
            let seal = seal(keys, handle);
            let expires = row.token_hash.as_ref().and(row.token_expires.as_ref());
            Ok(DeviceView {
                handle,
                device_id: seal.open_text("device_id", &row.device_id)?,
                created: seal.open_time("created_at", &row.created_at)?,
                token_expires: expires
                    .map(|sealed| seal.open_time("token_expires", sealed))
                    .transpose()?,
                published: row.kid.is_some(),
            })
        })
        .collect();
    let mut views = views?;
    views.sort_by_key(|view| view.created);
    Ok(views)
}
