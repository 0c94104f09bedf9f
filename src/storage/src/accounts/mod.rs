//! People.

mod find;
mod keys;
mod profile;
mod standing;

pub use find::{AccountCard, cards, find, find_by_phone, find_by_username, phones, private_logs};
pub use keys::{bump_directory, key_backup, set_e2e_key, set_key_backup};
pub use profile::{ProfileChange, set_password, update_profile};
pub use standing::{CurrentStanding, Standing, hold_standing, set_standing, standing};

use melo_crypto::{Column as SealedColumn, Keyring};
use melo_domain::{AccountState, DisplayName, LogId, Phone, Role, Timestamp, Uid};
use sea_orm::{ActiveModelTrait, ConnectionTrait, Set};

use crate::StorageError;
use crate::entity::users::{ActiveModel, Model};
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
