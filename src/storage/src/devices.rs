//! Devices of people: their tokens and their published keys.

use melo_crypto::{Column as SealedColumn, Keyring, TokenHash};
use melo_domain::{ClientDeviceId, DeviceHandle, Timestamp, Uid};
use sea_orm::sea_query::Cond;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

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

/// The keys a device has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedDevice {
    /// Whose.
    pub uid: Uid,
    /// Public name.
    pub handle: DeviceHandle,
    /// Name of the encryption key in envelopes.
    pub kid: String,
    /// RSA, `SubjectPublicKeyInfo` DER.
    pub encryption_key: Vec<u8>,
    /// Ed25519.
    pub signing_key: Vec<u8>,
    /// The identity key's signature over them.
    pub signature: Vec<u8>,
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

/// Publishes a device's keys.
pub async fn publish(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    device: &PublishedDevice,
) -> Result<(), StorageError> {
    let seal = seal(keys, device.handle);
    let row = ActiveModel {
        id: Set(device.handle.to_i64()),
        kid: Set(Some(seal.text("kid", &device.kid)?)),
        encryption_key: Set(Some(seal.bytes("encryption_key", &device.encryption_key)?)),
        signing_key: Set(Some(seal.bytes("signing_key", &device.signing_key)?)),
        signature: Set(Some(seal.bytes("signature", &device.signature)?)),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// Takes keys out of the directory: of one device of `uid`, or of all but one. Says how many were published.
pub async fn unpublish(
    conn: &impl ConnectionTrait,
    uid: Uid,
    which: Unpublish,
) -> Result<u64, StorageError> {
    let one = |handle: DeviceHandle| match which {
        Unpublish::Only(_) => Column::Id.eq(handle.to_i64()),
        Unpublish::AllBut(_) => Column::Id.ne(handle.to_i64()),
    };
    let (Unpublish::Only(handle) | Unpublish::AllBut(handle)) = which;
    let done = Entity::update_many()
        .set(ActiveModel {
            kid: Set(None),
            encryption_key: Set(None),
            signing_key: Set(None),
            signature: Set(None),
            ..Default::default()
        })
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Kid.is_not_null())
        .filter(one(handle))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}

/// Which devices leave the directory.
#[derive(Debug, Clone, Copy)]
pub enum Unpublish {
    /// This one.
    Only(DeviceHandle),
    /// Every other one.
    AllBut(DeviceHandle),
}

/// The published devices of these people, in one query, in a stable order.
pub async fn published(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<Vec<PublishedDevice>, StorageError> {
    use sea_orm::QueryOrder;
    let rows = Entity::find()
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .filter(Column::Kid.is_not_null())
        .order_by_asc(Column::Id)
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|row| open_published(keys, &row))
        .collect()
}

fn open_published(keys: &Keyring, row: &Model) -> Result<PublishedDevice, StorageError> {
    let handle = DeviceHandle::from_i64(row.id)?;
    let seal = seal(keys, handle);
    let (Some(kid), Some(encryption_key), Some(signing_key), Some(signature)) = (
        &row.kid,
        &row.encryption_key,
        &row.signing_key,
        &row.signature,
    ) else {
        return Err(StorageError::Corrupt("half-published device"));
    };
    Ok(PublishedDevice {
        uid: Uid::from_i64(row.uid)?,
        handle,
        kid: seal.open_text("kid", kid)?,
        encryption_key: seal.open("encryption_key", encryption_key)?.to_vec(),
        signing_key: seal.open("signing_key", signing_key)?.to_vec(),
        signature: seal.open("signature", signature)?.to_vec(),
    })
}
