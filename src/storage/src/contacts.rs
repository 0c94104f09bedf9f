//! Who may write to whom.

use melo_crypto::Keyring;
use melo_domain::{ContactStatus, LogId, Timestamp, Uid};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::contacts::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "contacts";

/// How `uid` stands to `peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// Who asked, or accepted.
    pub uid: Uid,
    /// Whom.
    pub peer: Uid,
    /// How far it got.
    pub status: ContactStatus,
    /// Whether `uid` keeps their phone to themselves.
    pub secret: bool,
    /// The conversation, once accepted.
    pub log: Option<LogId>,
}

fn open(row: &Model) -> Result<Contact, StorageError> {
    Ok(Contact {
        uid: Uid::from_i64(row.uid)?,
        peer: Uid::from_i64(row.peer)?,
        status: ContactStatus::from_code(row.status)?,
        secret: row.secret,
        log: row.log.map(LogId::from_i64).transpose()?,
    })
}

/// How `uid` stands to `peer`, if at all.
pub async fn find(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
) -> Result<Option<Contact>, StorageError> {
    let row = Entity::find_by_id((uid.to_i64(), peer.to_i64()))
        .one(conn)
        .await?;
    row.as_ref().map(open).transpose()
}

/// Writes a new relation. A unique violation means there is one.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    contact: &Contact,
    now: Timestamp,
) -> Result<(), StorageError> {
    let seal = RowSeal::new(
        keys,
        TABLE,
        format!("{}:{}", contact.uid.to_i64(), contact.peer.to_i64()),
    );
    let row = ActiveModel {
        uid: Set(contact.uid.to_i64()),
        peer: Set(contact.peer.to_i64()),
        status: Set(contact.status.code()),
        secret: Set(contact.secret),
        log: Set(contact.log.map(LogId::to_i64)),
        created_at: Set(seal.time("created_at", now)?),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Turns a request that nobody was told of into one that waits for its answer; says whether there was one.
pub async fn release(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .set(ActiveModel {
            status: Set(ContactStatus::Pending.code()),
            ..Default::default()
        })
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Peer.eq(peer.to_i64()))
        .filter(Column::Status.eq(ContactStatus::Held.code()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Everybody whom `uid` has asked or accepted, and since when.
pub async fn all(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Vec<(Contact, Timestamp)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .order_by_asc(Column::Peer)
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let seal = RowSeal::new(keys, TABLE, format!("{}:{}", row.uid, row.peer));
            Ok((open(row)?, seal.open_time("created_at", &row.created_at)?))
        })
        .collect()
}

/// Marks the relation accepted, if it waits for that; says whether it was. Two at once: one of them wins.
pub async fn accept(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
    log: LogId,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .set(ActiveModel {
            status: Set(ContactStatus::Accepted.code()),
            log: Set(Some(log.to_i64())),
            ..Default::default()
        })
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Peer.eq(peer.to_i64()))
        .filter(Column::Status.is_in([ContactStatus::Pending.code(), ContactStatus::Held.code()]))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// One page of accepted contacts in the order of their ids, and how many there are.
pub async fn accepted_page(
    conn: &impl ConnectionTrait,
    uid: Uid,
    page: u32,
    per_page: u32,
) -> Result<(Vec<Contact>, u64), StorageError> {
    let query = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Status.eq(ContactStatus::Accepted.code()));
    let total = query.clone().count(conn).await?;
    let rows = query
        .order_by_asc(Column::Peer)
        .offset(u64::from(page.saturating_sub(1)) * u64::from(per_page))
        .limit(u64::from(per_page))
        .all(conn)
        .await?;
    Ok((rows.iter().map(open).collect::<Result<_, _>>()?, total))
}

/// The ids of all accepted contacts.
pub async fn accepted_uids(
    conn: &impl ConnectionTrait,
    uid: Uid,
) -> Result<Vec<Uid>, StorageError> {
    let peers: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Peer)
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Status.eq(ContactStatus::Accepted.code()))
        .into_tuple()
        .all(conn)
        .await?;
    peers
        .into_iter()
        .map(|peer| Ok(Uid::from_i64(peer)?))
        .collect()
}
