//! Whom an id, a phone or a username belongs to.

use std::collections::HashMap;

use melo_crypto::{BlindIndex, Keyring};
use melo_domain::{LogId, Phone, Uid, Username};
use sea_orm::sea_query::Cond;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{Account, PHONE, USERNAME, open, seal};
use crate::StorageError;
use crate::entity::users::{Column, Entity};

/// What a contact list shows of a person.
#[derive(Clone)]
pub struct AccountCard {
    /// Public id.
    pub uid: Uid,
    /// As entered.
    pub nickname: String,
    /// PEM.
    pub e2e_key: String,
}

/// The person with this id.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<Account>, StorageError> {
    let row = Entity::find_by_id(uid.to_i64()).one(conn).await?;
    row.map(|row| open(keys, row)).transpose()
}

/// The person with this phone.
pub async fn find_by_phone(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    phone: &Phone,
) -> Result<Option<Account>, StorageError> {
    let index = keys.blind_index(PHONE, phone.as_str().as_bytes());
    let row = Entity::find()
        .filter(either(Column::PhoneIndex, Column::PhoneIndexNext, &index))
        .one(conn)
        .await?;
    row.map(|row| open(keys, row)).transpose()
}

/// The person with this username, in whatever case.
pub async fn find_by_username(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    username: &Username,
) -> Result<Option<Account>, StorageError> {
    let index = keys.blind_index(USERNAME, username.normalized().as_bytes());
    let row = Entity::find()
        .filter(either(
            Column::UsernameIndex,
            Column::UsernameIndexNext,
            &index,
        ))
        .one(conn)
        .await?;
    row.map(|row| open(keys, row)).transpose()
}

/// While an index key is being rotated a row may be found under the old or the new one.
fn either(current: Column, next: Column, index: &BlindIndex) -> Cond {
    Cond::any()
        .add(current.eq(index.as_bytes().to_vec()))
        .add(next.eq(index.as_bytes().to_vec()))
}

/// The cards of these people, in one query; unknown ids are left out.
pub async fn cards(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<Vec<AccountCard>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|row| {
            let uid = Uid::from_i64(row.uid)?;
            let seal = seal(keys, uid);
            Ok(AccountCard {
                uid,
                nickname: seal.open_text("nickname", &row.nickname)?,
                e2e_key: seal.open_text("e2e_key", &row.e2e_key)?,
            })
        })
        .collect()
}

/// The phone numbers of these people, in one query; unknown ids are left out.
pub async fn phones(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uids: &[Uid],
) -> Result<HashMap<Uid, String>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let uid = Uid::from_i64(row.uid)?;
            Ok((uid, seal(keys, uid).open_text("phone", &row.phone)?))
        })
        .collect()
}

/// The private logs of these people, in one query; unknown ids are left out.
pub async fn private_logs(
    conn: &impl ConnectionTrait,
    uids: &[Uid],
) -> Result<Vec<(Uid, LogId)>, StorageError> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::Uid)
        .column(Column::PrivateLog)
        .filter(Column::Uid.is_in(uids.iter().map(|u| u.to_i64())))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(uid, log)| Ok((Uid::from_i64(uid)?, LogId::from_i64(log)?)))
        .collect()
}
