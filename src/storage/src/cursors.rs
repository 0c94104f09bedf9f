//! How far each device is in each log. Moved in batches: losing the last second of them only repeats
//! deliveries, which a client drops by their sequence number.

use melo_crypto::Keyring;
use melo_domain::{DeviceHandle, LogId, Seq, Uid};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Set, Value,
};

use crate::StorageError;
use crate::entity::cursors::{ActiveModel, Column, Entity};
use crate::entity::devices;
use crate::sealed::{RowSeal, Sealed};

/// A device's place in a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// The last event the device has.
    pub delivered: Seq,
    /// The last event its user has read there.
    pub read: Seq,
}

fn seal(keys: &Keyring, device: DeviceHandle, log: LogId) -> RowSeal<'_> {
    RowSeal::new(keys, "cursors", format!("{}:{log}", device.to_i64()))
}

pub(crate) fn open(
    keys: &Keyring,
    device: DeviceHandle,
    log: LogId,
    sealed: &Sealed,
) -> Result<Position, StorageError> {
    let plain = seal(keys, device, log).open("position", sealed)?;
    let number = |range: std::ops::Range<usize>| {
        let bytes = plain.get(range).and_then(|b| <[u8; 8]>::try_from(b).ok());
        bytes
            .map(u64::from_be_bytes)
            .ok_or(StorageError::Corrupt("position"))
    };
    Ok(Position {
        delivered: number(0..8)?,
        read: number(8..16)?,
    })
}

/// Writes positions, in statements of a bounded size.
pub async fn save(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    positions: &[(DeviceHandle, LogId, Position)],
) -> Result<(), StorageError> {
    for chunk in positions.chunks(200) {
        let mut rows = Vec::with_capacity(chunk.len());
        for (device, log, position) in chunk {
            let mut plain = [0_u8; 16];
            let (delivered, read) = plain.split_at_mut(8);
            delivered.copy_from_slice(&position.delivered.to_be_bytes());
            read.copy_from_slice(&position.read.to_be_bytes());
            rows.push(ActiveModel {
                device: Set(device.to_i64()),
                log: Set(log.to_i64()),
                position: Set(seal(keys, *device, *log).bytes("position", &plain)?),
            });
        }
        Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([Column::Device, Column::Log])
                    .update_column(Column::Position)
                    .to_owned(),
            )
            .exec_without_returning(conn)
            .await?;
    }
    Ok(())
}

/// Where each device of a person is in each of these logs, in one query: a device that is nowhere yet is there with
/// nothing.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    logs: &[LogId],
) -> Result<Vec<(DeviceHandle, Option<(LogId, Position)>)>, StorageError> {
    let sql = format!(
        "SELECT d.id AS device, c.log AS log, c.position AS position FROM devices d \
         LEFT JOIN cursors c ON c.device = d.id AND c.log IN ({}) WHERE d.uid = ?",
        crate::logs::places(logs.len().max(1))
    );
    let nowhere = logs.is_empty().then_some(0);
    let ids = logs.iter().map(|log| log.to_i64()).chain(nowhere);
    let values = ids.chain([uid.to_i64()]).map(Value::from);
    let statement = crate::logs::statement(conn.get_database_backend(), &sql, values);
    let rows = conn.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let device = DeviceHandle::from_i64(row.try_get("", "device")?)?;
            let Some(log) = row.try_get::<Option<i64>>("", "log")? else {
                return Ok((device, None));
            };
            let log = LogId::from_i64(log)?;
            let position = open(keys, device, log, &row.try_get("", "position")?)?;
            Ok((device, Some((log, position))))
        })
        .collect()
}

/// Forgets where the devices of somebody who is out of a log were in it.
pub async fn forget(tx: &impl ConnectionTrait, log: LogId, uid: Uid) -> Result<(), StorageError> {
    let own = devices::Entity::find()
        .select_only()
        .column(devices::Column::Id)
        .filter(devices::Column::Uid.eq(uid.to_i64()));
    Entity::delete_many()
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::Device.in_subquery(own.into_query()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Places a new device at the present end of all its owner's logs: what was written before it existed is not
/// encrypted for it.
pub async fn start_at_end(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    device: DeviceHandle,
) -> Result<(), StorageError> {
    let states = crate::logs::of_person(conn, keys, uid, device).await?;
    let positions: Vec<_> = states
        .iter()
        .filter(|s| s.last_seq > 0)
        .map(|s| {
            (
                device,
                s.log,
                Position {
                    delivered: s.last_seq,
                    read: s.last_seq,
                },
            )
        })
        .collect();
    save(conn, keys, &positions).await
}
