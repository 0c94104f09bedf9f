//! Which keys a chat has had, and for which devices each was wrapped. The keys themselves are in the log's events,
//! wrapped; nothing here opens anything.

use melo_crypto::Keyring;
use melo_domain::{DeviceHandle, LogId, Seq, Timestamp, Uid};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Set};

use crate::StorageError;
use crate::entity::chat_keys::{ActiveModel, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "chat_keys";

/// SHA-256 over the key (docs/CRYPTO.md).
pub type KeyRef = [u8; 32];

/// A key of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatKey {
    /// The chat.
    pub log: LogId,
    /// Its name.
    pub key_ref: KeyRef,
    /// The first event that carries it.
    pub seq: Seq,
    /// Who made it.
    pub sender: Uid,
    /// On which device.
    pub device: DeviceHandle,
    /// When.
    pub made: Timestamp,
    /// The devices it was wrapped for, sorted.
    pub devices: Vec<DeviceHandle>,
}

fn seal<'a>(keys: &'a Keyring, log: LogId, key_ref: &KeyRef) -> RowSeal<'a> {
    RowSeal::new(keys, TABLE, format!("{log}:{}", hex::encode(key_ref)))
}

fn pack(devices: &[DeviceHandle]) -> Vec<u8> {
    devices
        .iter()
        .flat_map(|device| device.to_i64().to_be_bytes())
        .collect()
}

fn open(keys: &Keyring, row: &Model) -> Result<ChatKey, StorageError> {
    let log = LogId::from_i64(row.log)?;
    let corrupt = StorageError::Corrupt("key name");
    let key_ref = KeyRef::try_from(row.key_ref.as_slice()).map_err(|_| corrupt)?;
    let seal = seal(keys, log, &key_ref);
    let packed = seal.open("devices", &row.devices)?;
    let devices = packed
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| Ok(DeviceHandle::from_i64(i64::from_be_bytes(*bytes))?))
        .collect::<Result<_, StorageError>>()?;
    Ok(ChatKey {
        log,
        key_ref,
        seq: row.seq.unsigned_abs(),
        sender: Uid::from_i64(row.sender)?,
        device: DeviceHandle::from_i64(row.device)?,
        made: seal.open_time("made_at", &row.made_at)?,
        devices,
    })
}

/// A key by its name.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    key_ref: &KeyRef,
) -> Result<Option<ChatKey>, StorageError> {
    let row = Entity::find_by_id((log.to_i64(), key_ref.to_vec()))
        .one(conn)
        .await?;
    row.as_ref().map(|row| open(keys, row)).transpose()
}

/// Writes a key that was not there before.
pub async fn insert(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    key: &ChatKey,
) -> Result<(), StorageError> {
    let seal = seal(keys, key.log, &key.key_ref);
    let row = ActiveModel {
        log: Set(key.log.to_i64()),
        key_ref: Set(key.key_ref.to_vec()),
        seq: Set(key.seq.cast_signed()),
        sender: Set(key.sender.to_i64()),
        device: Set(key.device.to_i64()),
        made_at: Set(seal.time("made_at", key.made)?),
        devices: Set(seal.bytes("devices", &pack(&key.devices))?),
    };
    row.insert(tx).await?;
    Ok(())
}

/// The key is wrapped for these devices now: all of them, sorted.
pub async fn set_devices(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    key_ref: &KeyRef,
    devices: &[DeviceHandle],
) -> Result<(), StorageError> {
    let seal = seal(keys, log, key_ref);
    let row = ActiveModel {
        log: Set(log.to_i64()),
        key_ref: Set(key_ref.to_vec()),
        devices: Set(seal.bytes("devices", &pack(devices))?),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}
