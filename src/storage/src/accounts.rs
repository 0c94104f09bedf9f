//! People.

use std::collections::HashMap;

use melo_crypto::{BlindIndex, Column as SealedColumn, Keyring};
use melo_domain::{AccountState, DisplayName, LogId, Phone, Role, Timestamp, Uid, Username};
use sea_orm::sea_query::{Cond, Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::users::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "users";
const PHONE: SealedColumn = SealedColumn::new(TABLE, "phone");
const USERNAME: SealedColumn = SealedColumn::new(TABLE, "username");

/// What registration writes.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Chosen at random; a collision is a unique violation.
    pub uid: Uid,
    /// Unique.
    pub phone: &'a Phone,
    /// As entered.
    pub name: &'a DisplayName,
    /// As entered.
    pub nickname: &'a DisplayName,
    /// PHC string.
    pub password_hash: &'a str,
    /// PEM.
    pub e2e_key: &'a str,
    /// Now.
    pub created: Timestamp,
    /// The log of their own notices.
    pub private_log: LogId,
}

/// A person, opened.
#[derive(Clone)]
pub struct Account {
    /// Public id.
    pub uid: Uid,
    /// E.164.
    pub phone: String,
    /// As entered.
    pub name: String,
    /// As entered.
    pub nickname: String,
    /// As entered.
    pub username: Option<String>,
    /// As entered.
    pub bio: Option<String>,
    /// PHC string.
    pub password_hash: String,
    /// PEM.
    pub e2e_key: String,
    /// The log of their own notices.
    pub private_log: LogId,
    /// Rises with each change of device keys.
    pub directory_version: u64,
    /// Ed25519, once a device of the new kind has published it.
    pub identity_key: Option<Vec<u8>>,
    /// Rank.
    pub role: Role,
    /// Whether anybody may sign in.
    pub state: AccountState,
    /// Whether the password must be replaced before the next login.
    pub reset_required: bool,
    /// When it was made.
    pub created: Timestamp,
}

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

fn seal(keys: &Keyring, uid: Uid) -> RowSeal<'_> {
    RowSeal::new(keys, TABLE, uid.to_i64())
}

fn open(keys: &Keyring, row: Model) -> Result<Account, StorageError> {
    let uid = Uid::from_i64(row.uid)?;
    let seal = seal(keys, uid);
    let optional = |column, value: &Option<crate::Sealed>| {
        value
            .as_ref()
            .map(|v| seal.open_text(column, v))
            .transpose()
    };
    Ok(Account {
        uid,
        phone: seal.open_text("phone", &row.phone)?,
        name: seal.open_text("name", &row.name)?,
        nickname: seal.open_text("nickname", &row.nickname)?,
        username: optional("username", &row.username)?,
        bio: optional("bio", &row.bio)?,
        e2e_key: seal.open_text("e2e_key", &row.e2e_key)?,
        private_log: LogId::from_i64(row.private_log)?,
        directory_version: u64::try_from(row.directory_version).unwrap_or(0),
        identity_key: row
            .identity_key
            .as_ref()
            .map(|v| seal.open("identity_key", v).map(|plain| plain.to_vec()))
            .transpose()?,
        role: Role::from_code(row.role)?,
        state: AccountState::from_code(row.state)?,
        reset_required: row.reset_required,
        created: seal.open_time("created_at", &row.created_at)?,
        password_hash: row.password_hash,
    })
}

/// Writes a new person. A unique violation means that the phone or the uid is taken.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    new: &NewAccount<'_>,
) -> Result<(), StorageError> {
    let seal = seal(keys, new.uid);
    let row = ActiveModel {
        uid: Set(new.uid.to_i64()),
        phone_index: Set(keys
            .blind_index(PHONE, new.phone.as_str().as_bytes())
            .as_bytes()
            .to_vec()),
        phone: Set(seal.text("phone", new.phone.as_str())?),
        name: Set(seal.text("name", new.name.as_str())?),
        nickname: Set(seal.text("nickname", new.nickname.as_str())?),
        password_hash: Set(new.password_hash.to_owned()),
        e2e_key: Set(seal.text("e2e_key", new.e2e_key)?),
        e2e_key_updated: Set(seal.time("e2e_key_updated", new.created)?),
        created_at: Set(seal.time("created_at", new.created)?),
        private_log: Set(new.private_log.to_i64()),
        directory_version: Set(0),
        role: Set(Role::User.code()),
        state: Set(AccountState::Active.code()),
        reset_required: Set(false),
        ..Default::default()
    };
    row.insert(conn).await?;
    // After the insert, which has waited for a deletion of the same id that is under way.
    if crate::erasure::is_tombstone(conn, new.uid).await? {
        return Err(StorageError::Tombstone);
    }
    Ok(())
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

/// What others have decided about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentStanding {
    /// Rank.
    pub role: Role,
    /// Whether anybody may sign in.
    pub state: AccountState,
    /// Whether the password must be replaced before the next login.
    pub reset_required: bool,
}

/// How the account of `uid` stands now.
pub async fn standing(
    conn: &impl ConnectionTrait,
    uid: Uid,
) -> Result<Option<CurrentStanding>, StorageError> {
    let row = standing_of(uid).into_tuple().one(conn).await?;
    row.map(open_standing).transpose()
}

/// How the account stands, and stays until this transaction ends: a change by somebody else waits for it, or
/// this waits for that change.
pub async fn hold_standing(
    tx: &DatabaseTransaction,
    uid: Uid,
) -> Result<Option<CurrentStanding>, StorageError> {
    let row = standing_of(uid)
        .lock_exclusive()
        .into_tuple()
        .one(tx)
        .await?;
    row.map(open_standing).transpose()
}

fn standing_of(uid: Uid) -> sea_orm::Select<Entity> {
    Entity::find_by_id(uid.to_i64()).select_only().columns([
        Column::Role,
        Column::State,
        Column::ResetRequired,
    ])
}

fn open_standing(
    (role, state, reset_required): (i16, i16, bool),
) -> Result<CurrentStanding, StorageError> {
    Ok(CurrentStanding {
        role: Role::from_code(role)?,
        state: AccountState::from_code(state)?,
        reset_required,
    })
}

/// Changes of what others decide about an account; `None` leaves as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Rank.
    pub role: Option<Role>,
    /// Whether anybody may sign in.
    pub state: Option<AccountState>,
    /// Whether the password must be replaced before the next login.
    pub reset_required: Option<bool>,
}

/// Applies such changes; says whether there is such a person.
pub async fn set_standing(
    conn: &impl ConnectionTrait,
    uid: Uid,
    change: Standing,
) -> Result<bool, StorageError> {
    let mut row = ActiveModel {
        ..Default::default()
    };
    if let Some(role) = change.role {
        row.role = Set(role.code());
    }
    if let Some(state) = change.state {
        row.state = Set(state.code());
    }
    if let Some(required) = change.reset_required {
        row.reset_required = Set(required);
    }
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Uid.eq(uid.to_i64()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Replaces the account's RSA key (PEM).
pub async fn set_e2e_key(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    pem: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = seal(keys, uid);
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        e2e_key: Set(seal.text("e2e_key", pem)?),
        e2e_key_updated: Set(seal.time("e2e_key_updated", now)?),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// Sets the identity key, or keeps it (`None`), and raises the directory's version by one. Returns the new version.
pub async fn bump_directory(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    identity_key: Option<&[u8]>,
) -> Result<u64, StorageError> {
    let mut update = Entity::update_many()
        .col_expr(
            Column::DirectoryVersion,
            Expr::col(Column::DirectoryVersion).add(1),
        )
        .filter(Column::Uid.eq(uid.to_i64()));
    if let Some(key) = identity_key {
        let sealed = seal(keys, uid).bytes("identity_key", key)?;
        update = update.col_expr(Column::IdentityKey, Expr::value(sealed));
    }
    update.exec(conn).await?;
    let row = Entity::find_by_id(uid.to_i64()).one(conn).await?;
    let row = row.ok_or(StorageError::Corrupt("missing user row"))?;
    Ok(u64::try_from(row.directory_version).unwrap_or(0))
}

/// Stores the client's own encrypted key backup.
pub async fn set_key_backup(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    ciphertext: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = seal(keys, uid);
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        key_backup: Set(Some(seal.text("key_backup", ciphertext)?)),
        key_backup_updated: Set(Some(seal.time("key_backup_updated", now)?)),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// The client's own encrypted key backup and when it was stored.
pub async fn key_backup(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<(String, Timestamp)>, StorageError> {
    let Some(row) = Entity::find_by_id(uid.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let (Some(backup), Some(updated)) = (row.key_backup, row.key_backup_updated) else {
        return Ok(None);
    };
    let seal = seal(keys, uid);
    Ok(Some((
        seal.open_text("key_backup", &backup)?,
        seal.open_time("key_backup_updated", &updated)?,
    )))
}
