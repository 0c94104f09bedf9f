//! What people let others see of them. Who has never set anything has no row.

use melo_crypto::Keyring;
use melo_domain::{Privacy, Uid};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::StorageError;
use crate::entity::privacy::{ActiveModel, Column, Entity};
use crate::sealed::RowSeal;

fn seal(keys: &Keyring, uid: Uid) -> RowSeal<'_> {
    RowSeal::new(keys, "privacy", uid.to_i64())
}

/// Sets a person's switches, all at once.
pub async fn set(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    privacy: &Privacy,
) -> Result<(), StorageError> {
    let text = serde_json::to_string(privacy).map_err(|_| StorageError::Corrupt("switches"))?;
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        switches: Set(seal(keys, uid).text("switches", &text)?),
    };
    let replace = OnConflict::column(Column::Uid)
        .update_column(Column::Switches)
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// The switches of these people, in one query; who has set nothing is left out.
pub async fn of(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<Vec<(Uid, Privacy)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let uid = Uid::from_i64(row.uid)?;
            let text = seal(keys, uid).open_text("switches", &row.switches)?;
            let privacy =
                serde_json::from_str(&text).map_err(|_| StorageError::Corrupt("switches"))?;
            Ok((uid, privacy))
        })
        .collect()
}
