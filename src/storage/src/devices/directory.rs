//! The key directory: the keys that devices have published.

use melo_crypto::Keyring;
use melo_domain::{DeviceHandle, Uid};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use super::seal;
use crate::StorageError;
use crate::entity::devices::{ActiveModel, Column, Entity, Model};
use crate::sealed::Sealed;

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

/// The names of the encryption keys that these people's devices have published: what routing needs, at a quarter of
/// the work of [`published`].
pub async fn kids(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<Vec<(DeviceHandle, String)>, StorageError> {
    let rows: Vec<(i64, Sealed)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Kid])
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .filter(Column::Kid.is_not_null())
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(id, kid)| {
            let handle = DeviceHandle::from_i64(id)?;
            Ok((handle, seal(keys, handle).open_text("kid", &kid)?))
        })
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
