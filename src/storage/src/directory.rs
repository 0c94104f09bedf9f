//! What the key directory says of people besides their devices.

use melo_crypto::Keyring;
use melo_domain::Uid;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::StorageError;
use crate::entity::users::{Column, Entity};
use crate::sealed::{RowSeal, Sealed};

/// A person's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Who.
    pub uid: Uid,
    /// Absent while no device has published it.
    pub identity_key: Option<Vec<u8>>,
    /// Rises with each change.
    pub version: u64,
}

/// The directory entries of these people, in the order of their ids, in one query; unknown ids are left out.
pub async fn of(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<Vec<DirectoryEntry>, StorageError> {
    let rows: Vec<(i64, Option<Sealed>, i64)> = Entity::find()
        .select_only()
        .columns([Column::Uid, Column::IdentityKey, Column::DirectoryVersion])
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .order_by_asc(Column::Uid)
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(uid, identity, version)| {
            let uid = Uid::from_i64(uid)?;
            let key = identity.map(|sealed| {
                RowSeal::new(keys, "users", uid.to_i64()).open("identity_key", &sealed)
            });
            Ok(DirectoryEntry {
                uid,
                identity_key: key.transpose()?.map(|key| key.to_vec()),
                version: u64::try_from(version).unwrap_or(0),
            })
        })
        .collect()
}
