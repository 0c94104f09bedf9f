//! Devices of people: their tokens and their published keys.

use melo_crypto::{Column as SealedColumn, Keyring, TokenHash};
use melo_domain::{ClientDeviceId, DeviceHandle, Timestamp, Uid};
use sea_orm::sea_query::Cond;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::devices::{ActiveModel, Column, Entity, Model};
use crate::entity::spent_device_tokens as spent;
use crate::sealed::{RowSeal, Sealed};

const TABLE: &str = "devices";
const SPENT: &str = "spent_device_tokens";
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
