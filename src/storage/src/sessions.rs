//! Signed-in sessions.

use melo_crypto::Keyring;
use melo_domain::{DeviceHandle, DeviceType, SessionId, Timestamp, Uid};
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, Set};

use crate::StorageError;
use crate::entity::sessions::{ActiveModel, Entity};
use crate::sealed::RowSeal;

const TABLE: &str = "sessions";

/// What a login writes.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Chosen at random.
    pub id: SessionId,
    /// Whose.
    pub uid: Uid,
    /// On which device.
    pub device: DeviceHandle,
    /// From the User-Agent.
    pub device_type: DeviceType,
    /// From the User-Agent.
    pub device_name: &'a str,
    /// Where the login came from.
    pub ip_address: &'a str,
    /// As sent, cut to 512 characters.
    pub user_agent: &'a str,
    /// Now.
    pub created: Timestamp,
}

/// What authenticating a call needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub uid: Uid,
    /// On which device.
    pub device: DeviceHandle,
    /// Whether it may still be used.
    pub active: bool,
}

/// Writes a new session.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    new: &NewSession<'_>,
) -> Result<(), StorageError> {
    let seal = RowSeal::new(keys, TABLE, new.id.to_i64());
    let row = ActiveModel {
        id: Set(new.id.to_i64()),
        uid: Set(new.uid.to_i64()),
        device: Set(new.device.to_i64()),
        device_type: Set(seal.text("device_type", new.device_type.as_str())?),
        device_name: Set(seal.text("device_name", new.device_name)?),
        ip_address: Set(seal.text("ip_address", new.ip_address)?),
        user_agent: Set(seal.text("user_agent", new.user_agent)?),
        created_at: Set(seal.time("created_at", new.created)?),
        last_activity: Set(seal.time("last_activity", new.created)?),
        active: Set(true),
    };
    row.insert(conn).await?;
    Ok(())
}

/// The session with this id.
pub async fn find(
    conn: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<Session>, StorageError> {
    let Some(row) = Entity::find_by_id(id.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    Ok(Some(Session {
        uid: Uid::from_i64(row.uid)?,
        device: DeviceHandle::from_i64(row.device)?,
        active: row.active,
    }))
}
