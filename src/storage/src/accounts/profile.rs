//! What people change about themselves.

use melo_crypto::Keyring;
use melo_domain::{DisplayName, Uid, Username};
use sea_orm::{ActiveModelTrait, ConnectionTrait, Set};

use super::{USERNAME, seal};
use crate::StorageError;
use crate::entity::users::ActiveModel;

/// Changes of a profile; `None` leaves as it is.
#[derive(Default)]
pub struct ProfileChange<'a> {
    /// New name.
    pub name: Option<&'a DisplayName>,
    /// New nickname.
    pub nickname: Option<&'a DisplayName>,
    /// New username, or `Some(None)` to give it up.
    pub username: Option<Option<&'a Username>>,
    /// New bio.
    pub bio: Option<&'a str>,
    /// New PHC string.
    pub password_hash: Option<&'a str>,
}

/// Applies a profile change. A unique violation means that the username is taken.
pub async fn update_profile(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    change: &ProfileChange<'_>,
) -> Result<(), StorageError> {
    let seal = seal(keys, uid);
    let mut row = ActiveModel {
        uid: Set(uid.to_i64()),
        ..Default::default()
    };
    if let Some(name) = change.name {
        row.name = Set(seal.text("name", name.as_str())?);
    }
    if let Some(nickname) = change.nickname {
        row.nickname = Set(seal.text("nickname", nickname.as_str())?);
    }
    if let Some(username) = change.username {
        let index = username.map(|u| {
            keys.blind_index(USERNAME, u.normalized().as_bytes())
                .as_bytes()
                .to_vec()
        });
        row.username_index = Set(index);
        row.username = Set(username
            .map(|u| seal.text("username", u.as_str()))
            .transpose()?);
    }
    if let Some(bio) = change.bio {
        row.bio = Set(Some(seal.text("bio", bio)?));
    }
    if let Some(hash) = change.password_hash {
        row.password_hash = Set(hash.to_owned());
    }
    row.update(conn).await?;
    Ok(())
}

/// Stores a new password. The old one need not be replaced at the next login any more.
pub async fn set_password(
    conn: &impl ConnectionTrait,
    uid: Uid,
    hash: &str,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        password_hash: Set(hash.to_owned()),
        reset_required: Set(false),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}
