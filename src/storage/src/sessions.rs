//! Signed-in sessions, and the standing ones of personal access tokens.

use melo_crypto::Keyring;
use melo_domain::{DeviceHandle, DeviceType, SessionId, SessionKind, Timestamp, Uid};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::sessions::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "sessions";

/// What a login writes.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// Chosen at random.
    pub id: SessionId,
    /// Of a login or of a token.
    pub kind: SessionKind,
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
    /// When the person showed a password, if they did.
    pub authenticated: Option<Timestamp>,
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

impl Session {
    /// One that was ended.
    pub fn ended(uid: Uid) -> Self {
        Self {
            uid,
            device: DeviceHandle::from_random(0),
            active: false,
        }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Which.
    pub id: SessionId,
    /// Of a login or of a token.
    pub kind: SessionKind,
    /// Whose.
    pub uid: Uid,
    /// On which device.
    pub device: DeviceHandle,
    /// `pc`, `phone` and the like.
    pub device_type: String,
    /// What the program called itself.
    pub device_name: String,
    /// Where the login came from.
    pub ip_address: String,
    /// As sent.
    pub user_agent: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used, to the minute.
    pub last_activity: Timestamp,
}

/// Which of a person's live sessions to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// Every login but this one; tokens go on.
    LoginsBut(SessionId),
    /// Those on this device.
    OfDevice(DeviceHandle),
    /// Those on this device but one.
    OfDeviceBut(DeviceHandle, SessionId),
    /// Everything, tokens too.
    All,
}

fn seal(keys: &Keyring, id: SessionId) -> RowSeal<'_> {
    RowSeal::new(keys, TABLE, id.to_i64())
}

/// Writes a new session.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    new: &NewSession<'_>,
) -> Result<(), StorageError> {
    let seal = seal(keys, new.id);
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
        kind: Set(new.kind.code()),
        authenticated_at: Set(new
            .authenticated
            .map(|at| seal.time("authenticated_at", at))
            .transpose()?),
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

/// A live session of a device, if it has one.
pub async fn of_device(
    conn: &impl ConnectionTrait,
    uid: Uid,
    device: DeviceHandle,
) -> Result<Option<SessionId>, StorageError> {
    let id: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Device.eq(device.to_i64()))
        .filter(Column::Active.eq(true))
        .into_tuple()
        .one(conn)
        .await?;
    Ok(id.map(SessionId::from_i64).transpose()?)
}

/// The live sessions of a person, newest first, `limit` at most.
pub async fn live(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    limit: u64,
) -> Result<Vec<SessionView>, StorageError> {
    live_of(conn, keys, uid, None, limit).await
}

async fn live_of(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    kind: Option<SessionKind>,
    limit: u64,
) -> Result<Vec<SessionView>, StorageError> {
    let mut query = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Active.eq(true));
    if let Some(kind) = kind {
        query = query.filter(Column::Kind.eq(kind.code()));
    }
    let rows = query.limit(limit).all(conn).await?;
    let opened: Result<Vec<_>, _> = rows.iter().map(|row| view(keys, row)).collect();
    let mut views = opened?;
    views.sort_by_key(|view| std::cmp::Reverse(view.created));
    Ok(views)
}

/// The live sessions that personal access tokens stand on, `limit` at most.
pub async fn live_tokens(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    limit: u64,
) -> Result<Vec<SessionView>, StorageError> {
    live_of(conn, keys, uid, Some(SessionKind::Token), limit).await
}

/// Every session of a person, ended ones too; the newest first. With whether each is live.
pub async fn all(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Vec<(SessionView, bool)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .all(conn)
        .await?;
    let opened: Result<Vec<_>, _> = rows
        .iter()
        .map(|row| Ok::<_, StorageError>((view(keys, row)?, row.active)))
        .collect();
    let mut views = opened?;
    views.sort_by_key(|(view, _)| std::cmp::Reverse(view.created));
    Ok(views)
}

pub(crate) fn view(keys: &Keyring, row: &Model) -> Result<SessionView, StorageError> {
    let id = SessionId::from_i64(row.id)?;
    let seal = seal(keys, id);
    Ok(SessionView {
        id,
        kind: SessionKind::from_code(row.kind)?,
        uid: Uid::from_i64(row.uid)?,
        device: DeviceHandle::from_i64(row.device)?,
        device_type: seal.open_text("device_type", &row.device_type)?,
        device_name: seal.open_text("device_name", &row.device_name)?,
        ip_address: seal.open_text("ip_address", &row.ip_address)?,
        user_agent: seal.open_text("user_agent", &row.user_agent)?,
        created: seal.open_time("created_at", &row.created_at)?,
        last_activity: seal.open_time("last_activity", &row.last_activity)?,
    })
}

/// Ends sessions of `uid`; returns those that were live. Two at once: each session is told to one of them.
pub async fn end(
    conn: &impl ConnectionTrait,
    uid: Uid,
    which: Which,
) -> Result<Vec<SessionId>, StorageError> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Active.eq(true));
    query = match which {
        Which::One(id) => query.filter(Column::Id.eq(id.to_i64())),
        Which::LoginsBut(id) => query
            .filter(Column::Id.ne(id.to_i64()))
            .filter(Column::Kind.eq(SessionKind::Login.code())),
        Which::OfDevice(device) => query.filter(Column::Device.eq(device.to_i64())),
        Which::OfDeviceBut(device, id) => query
            .filter(Column::Device.eq(device.to_i64()))
            .filter(Column::Id.ne(id.to_i64())),
        Which::All => query,
    };
    let live: Vec<i64> = query.into_tuple().all(conn).await?;
    let mut ended = Vec::with_capacity(live.len());
    for id in live {
        let done = Entity::update_many()
            .col_expr(Column::Active, Expr::value(false))
            .filter(Column::Id.eq(id))
            .filter(Column::Active.eq(true))
            .exec(conn)
            .await?;
        if done.rows_affected == 1 {
            ended.push(SessionId::from_i64(id)?);
        }
    }
    Ok(ended)
}

/// When the person last showed a password in this session.
pub async fn authenticated(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: SessionId,
) -> Result<Option<Timestamp>, StorageError> {
    let Some(row) = Entity::find_by_id(id.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let sealed = row.authenticated_at.as_ref();
    sealed
        .map(|at| seal(keys, id).open_time("authenticated_at", at))
        .transpose()
}

/// The person has shown their password again.
pub async fn set_authenticated(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: SessionId,
    now: Timestamp,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(id.to_i64()),
        authenticated_at: Set(Some(seal(keys, id).time("authenticated_at", now)?)),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// Notes when sessions were last used.
pub async fn save_activity(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    used: &[(SessionId, Timestamp)],
) -> Result<(), StorageError> {
    for (id, at) in used {
        let sealed = seal(keys, *id).time("last_activity", *at)?;
        Entity::update_many()
            .col_expr(Column::LastActivity, Expr::value(sealed))
            .filter(Column::Id.eq(id.to_i64()))
            .exec(conn)
            .await?;
    }
    Ok(())
}
