//! Accounts.

use melo_crypto::{Column as SealedColumn, Keyring};
use melo_domain::{AccountState, Phone, Role, Timestamp, Uid, Username};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Cond,
};

use crate::StorageError;
use crate::entity::users::{Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "users";
const PHONE: SealedColumn = SealedColumn::new(TABLE, "phone");
const USERNAME: SealedColumn = SealedColumn::new(TABLE, "username");

/// A person, without secrets and keys.
#[derive(Clone)]
pub struct PersonView {
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
    /// Rank.
    pub role: Role,
    /// Whether anybody may sign in.
    pub state: AccountState,
    /// Whether the password must be replaced before the next login.
    pub reset_required: bool,
    /// When the account was made.
    pub created: Timestamp,
}

fn open(keys: &Keyring, row: &Model) -> Result<PersonView, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.uid);
    Ok(PersonView {
        uid: Uid::from_i64(row.uid)?,
        phone: seal.open_text("phone", &row.phone)?,
        name: seal.open_text("name", &row.name)?,
        nickname: seal.open_text("nickname", &row.nickname)?,
        username: row
            .username
            .as_ref()
            .map(|username| seal.open_text("username", username))
            .transpose()?,
        role: Role::from_code(row.role)?,
        state: AccountState::from_code(row.state)?,
        reset_required: row.reset_required,
        created: seal.open_time("created_at", &row.created_at)?,
    })
}

/// Whom to list; `None` means any.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeopleFilter {
    /// In this state.
    pub state: Option<AccountState>,
    /// Of this rank.
    pub role: Option<Role>,
}

/// People by their ids after `after`, `limit` at most.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    filter: PeopleFilter,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<PersonView>, StorageError> {
    let mut query = Entity::find();
    if let Some(state) = filter.state {
        query = query.filter(Column::State.eq(state.code()));
    }
    if let Some(role) = filter.role {
        query = query.filter(Column::Role.eq(role.code()));
    }
    if let Some(after) = after {
        query = query.filter(Column::Uid.gt(after.to_i64()));
    }
    let rows = query
        .order_by_asc(Column::Uid)
        .limit(limit)
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}

/// Who is looked for: a text may read as more than one of these.
#[derive(Debug, Default)]
pub struct Lookup {
    /// By public id.
    pub uid: Option<Uid>,
    /// By phone.
    pub phone: Option<Phone>,
    /// By username, in whatever case.
    pub username: Option<Username>,
}

impl Lookup {
    /// Whether nobody can be meant.
    pub fn is_empty(&self) -> bool {
        self.uid.is_none() && self.phone.is_none() && self.username.is_none()
    }
}

/// Everybody who is meant exactly, in one query: by id, or by the blind index of phone or username.
pub async fn look_up(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    wanted: &Lookup,
) -> Result<Vec<PersonView>, StorageError> {
    let mut any = Cond::any();
    if let Some(uid) = wanted.uid {
        any = any.add(Column::Uid.eq(uid.to_i64()));
    }
    // While an index key is being rotated a row may be found under the old or the new one.
    if let Some(phone) = &wanted.phone {
        let index = keys.blind_index(PHONE, phone.as_str().as_bytes());
        any = any
            .add(Column::PhoneIndex.eq(index.as_bytes().to_vec()))
            .add(Column::PhoneIndexNext.eq(index.as_bytes().to_vec()));
    }
    if let Some(username) = &wanted.username {
        let index = keys.blind_index(USERNAME, username.normalized().as_bytes());
        any = any
            .add(Column::UsernameIndex.eq(index.as_bytes().to_vec()))
            .add(Column::UsernameIndexNext.eq(index.as_bytes().to_vec()));
    }
    // An empty `any` would be everybody.
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find()
        .filter(any)
        .order_by_asc(Column::Uid)
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}

/// The person with this id.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Option<PersonView>, StorageError> {
    let row = Entity::find_by_id(uid.to_i64()).one(conn).await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// Everybody of this rank who can sign in, held until the transaction ends: of two owners who step down at once,
/// one stays.
pub async fn hold_role(tx: &impl ConnectionTrait, role: Role) -> Result<Vec<Uid>, StorageError> {
    let uids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Uid)
        .filter(Column::Role.eq(role.code()))
        .filter(Column::State.eq(AccountState::Active.code()))
        .order_by_asc(Column::Uid)
        .lock_exclusive()
        .into_tuple()
        .all(tx)
        .await?;
    uids.into_iter()
        .map(|uid| Ok(Uid::from_i64(uid)?))
        .collect()
}
