//! What others decide about people.

use melo_domain::{AccountState, Role, Uid};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::users::{ActiveModel, Column, Entity};

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
