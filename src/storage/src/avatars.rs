//! Pictures of people.

use melo_crypto::Keyring;
use melo_domain::{Timestamp, Uid};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait, Set};

use crate::StorageError;
use crate::entity::avatars::{ActiveModel, Column, Entity};
use crate::sealed::RowSeal;

/// A picture, opened.
pub struct Avatar {
    /// The file.
    pub image: Vec<u8>,
    /// Its media type.
    pub mime: String,
    /// When it was set.
    pub updated: Timestamp,
}

fn seal(keys: &Keyring, uid: Uid) -> RowSeal<'_> {
    RowSeal::new(keys, "avatars", uid.to_i64())
}

/// Sets the picture, in place of an earlier one.
pub async fn set(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    avatar: &Avatar,
) -> Result<(), StorageError> {
    let seal = seal(keys, uid);
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        image: Set(seal.bytes("image", &avatar.image)?),
        mime: Set(seal.text("mime", &avatar.mime)?),
        updated_at: Set(seal.time("updated_at", avatar.updated)?),
    };
    let replace = OnConflict::column(Column::Uid)
        .update_columns([Column::Image, Column::Mime, Column::UpdatedAt])
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// The picture of a person.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<Avatar>, StorageError> {
    let Some(row) = Entity::find_by_id(uid.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let seal = seal(keys, uid);
    Ok(Some(Avatar {
        image: seal.open("image", &row.image)?.to_vec(),
        mime: seal.open_text("mime", &row.mime)?,
        updated: seal.open_time("updated_at", &row.updated_at)?,
    }))
}

/// Takes the picture away; says whether there was one.
pub async fn remove(conn: &impl ConnectionTrait, uid: Uid) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(uid.to_i64()).exec(conn).await?;
    Ok(done.rows_affected == 1)
}
