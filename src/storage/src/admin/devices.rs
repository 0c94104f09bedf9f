//! Devices, one person's and everybody's.

use melo_crypto::Keyring;
use melo_domain::{ClientDeviceId, DeviceHandle, Timestamp, Uid};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entity::devices::{Column, Entity, Model};
use crate::sealed::RowSeal;
use crate::{Sealed, StorageError};

const TABLE: &str = "devices";
/// Rows that are read at once by who looks at all of them.
const PAGE: u64 = 1000;

/// A device, without what its client calls it and without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSummary {
    /// Public name.
    pub handle: DeviceHandle,
    /// When it first signed in.
    pub created: Timestamp,
    /// Until when its device token is good, if it has one.
    pub token_expires: Option<Timestamp>,
    /// Whether it is in the key directory.
    pub published: bool,
}

fn open(keys: &Keyring, row: &Model) -> Result<DeviceSummary, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.id);
    let expires = row.token_hash.as_ref().and(row.token_expires.as_ref());
    Ok(DeviceSummary {
        handle: DeviceHandle::from_i64(row.id)?,
        created: seal.open_time("created_at", &row.created_at)?,
        token_expires: expires
            .map(|at| seal.open_time("token_expires", at))
            .transpose()?,
        published: row.kid.is_some(),
    })
}

/// Devices of a person after `after`, `limit` at most.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    after: Option<DeviceHandle>,
    limit: u64,
) -> Result<Vec<DeviceSummary>, StorageError> {
    let mut query = Entity::find().filter(Column::Uid.eq(uid.to_i64()));
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after.to_i64()));
    }
    let rows = query
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}

/// How many devices a person has.
pub async fn count(conn: &impl ConnectionTrait, uid: Uid) -> Result<u64, StorageError> {
    let of_person = Entity::find().filter(Column::Uid.eq(uid.to_i64()));
    Ok(of_person.count(conn).await?)
}

/// Whether `uid` has this device.
pub async fn belongs(
    conn: &impl ConnectionTrait,
    uid: Uid,
    handle: DeviceHandle,
) -> Result<bool, StorageError> {
    let found = Entity::find_by_id(handle.to_i64())
        .filter(Column::Uid.eq(uid.to_i64()))
        .count(conn)
        .await?;
    Ok(found == 1)
}

/// Whoever has signed in on the device that its client calls `id`, and by which name they know it. Opens the id of
/// every device there is: by design no index tells that two people share one.
pub async fn called(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: &ClientDeviceId,
) -> Result<Vec<(Uid, DeviceHandle)>, StorageError> {
    let mut found = Vec::new();
    let mut after = i64::MIN;
    loop {
        let rows: Vec<(i64, i64, Sealed)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Uid, Column::DeviceId])
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(PAGE)
            .into_tuple()
            .all(conn)
            .await?;
        for (handle, uid, device_id) in &rows {
            let device_id = RowSeal::new(keys, TABLE, *handle).open_text("device_id", device_id)?;
            if device_id == id.as_str() {
                found.push((Uid::from_i64(*uid)?, DeviceHandle::from_i64(*handle)?));
            }
        }
        match rows.last() {
            Some((last, ..)) => after = *last,
            None => return Ok(found),
        }
    }
}
