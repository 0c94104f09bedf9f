//! Who may write to whom.

use std::collections::HashMap;

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

pub(crate) fn seal(keys: &Keyring, uid: i64, peer: i64) -> RowSeal<'_> {
    RowSeal::new(keys, TABLE, format!("{uid}:{peer}"))
}

pub(crate) fn open(row: &Model) -> Result<Contact, StorageError> {
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
    let seal = seal(keys, contact.uid.to_i64(), contact.peer.to_i64());
    let row = ActiveModel {
        uid: Set(contact.uid.to_i64()),
        peer: Set(contact.peer.to_i64()),
        status: Set(contact.status.code()),
        secret: Set(contact.secret),
        log: Set(contact.log.map(LogId::to_i64)),
        created_at: Set(seal.time("created_at", now)?),
        refused_at: Set(None),
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
    let (from, to) = ([ContactStatus::Held], ContactStatus::Pending);
    settle(conn, uid, peer, &from, to).await
}

/// Moves how `uid` stands to `peer` from one of `from` on to `to`; says whether it stood like that. Two at once: one
/// of them wins.
pub async fn settle(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
    from: &[ContactStatus],
    to: ContactStatus,
) -> Result<bool, StorageError> {
    let change = ActiveModel {
        status: Set(to.code()),
        ..Default::default()
    };
    change_row(conn, uid, peer, from, change).await
}

pub(crate) async fn change_row(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
    from: &[ContactStatus],
    change: ActiveModel,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .set(change)
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Peer.eq(peer.to_i64()))
        .filter(Column::Status.is_in(from.iter().map(|status| status.code())))
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
            let seal = seal(keys, row.uid, row.peer);
            Ok((open(row)?, seal.open_time("created_at", &row.created_at)?))
        })
        .collect()
}

/// Marks the relation accepted, if it stands like one of `from`; says whether it did. Two at once: one of them wins.
pub async fn accept(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
    from: &[ContactStatus],
    log: LogId,
) -> Result<bool, StorageError> {
    let change = ActiveModel {
        status: Set(ContactStatus::Accepted.code()),
        log: Set(Some(log.to_i64())),
        refused_at: Set(None),
        ..Default::default()
    };
    change_row(conn, uid, peer, from, change).await
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

/// Each of these people with each of their accepted contacts, in one query.
pub async fn accepted_of(
    conn: &impl ConnectionTrait,
    uids: &[Uid],
) -> Result<Vec<(Uid, Uid)>, StorageError> {
    let pairs: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .columns([Column::Uid, Column::Peer])
        .filter(Column::Uid.is_in(uids.iter().map(|uid| uid.to_i64())))
        .filter(Column::Status.eq(ContactStatus::Accepted.code()))
        .into_tuple()
        .all(conn)
        .await?;
    pairs
        .into_iter()
        .map(|(uid, peer)| Ok((Uid::from_i64(uid)?, Uid::from_i64(peer)?)))
        .collect()
}

/// How `uid` stands to these people, in one query; to whom not at all is left out.
pub async fn standing_to(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peers: &[Uid],
) -> Result<HashMap<Uid, ContactStatus>, StorageError> {
    let rows: Vec<(i64, i16)> = Entity::find()
        .select_only()
        .columns([Column::Peer, Column::Status])
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Peer.is_in(peers.iter().map(|peer| peer.to_i64())))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(peer, status)| Ok((Uid::from_i64(peer)?, ContactStatus::from_code(status)?)))
        .collect()
}
