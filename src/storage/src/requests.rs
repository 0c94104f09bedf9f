//! Requests to become contacts: rows of `contacts` on their way from being asked to being answered.

use melo_crypto::Keyring;
use melo_domain::{ContactStatus, Timestamp, Uid};
use sea_orm::sea_query::{Cond, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use crate::StorageError;
use crate::contacts::{Contact, change_row, insert, open, seal};
use crate::entity::blocks;
use crate::entity::contacts::{ActiveModel, Column, Entity, Model};

/// How somebody stands to somebody, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How.
    pub contact: Contact,
    /// When they asked last, or accepted.
    pub at: Timestamp,
    /// When a request of theirs was refused last, unless one was accepted since.
    pub refused: Option<Timestamp>,
}

fn open_asked(keys: &Keyring, row: &Model) -> Result<Asked, StorageError> {
    let seal = seal(keys, row.uid, row.peer);
    let refused = row.refused_at.as_ref();
    Ok(Asked {
        contact: open(row)?,
        at: seal.open_time("created_at", &row.created_at)?,
        refused: refused
            .map(|at| seal.open_time("refused_at", at))
            .transpose()?,
    })
}

/// How each of two people stands to the other, the first's way first. Nobody else changes either until the
/// transaction ends.
pub async fn hold(
    tx: &DatabaseTransaction,
    keys: &Keyring,
    one: Uid,
    other: Uid,
) -> Result<(Option<Asked>, Option<Asked>), StorageError> {
    let of = |uid: Uid, peer: Uid| {
        Cond::all()
            .add(Column::Uid.eq(uid.to_i64()))
            .add(Column::Peer.eq(peer.to_i64()))
    };
    let rows = Entity::find()
        .filter(Cond::any().add(of(one, other)).add(of(other, one)))
        .order_by_asc(Column::Uid)
        .lock_exclusive()
        .all(tx)
        .await?;
    let by = |uid: Uid| {
        let row = rows.iter().find(|row| row.uid == uid.to_i64());
        row.map(|row| open_asked(keys, row)).transpose()
    };
    Ok((by(one)?, by(other)?))
}

/// Writes a request, in the place of what `before` was read as; says whether that still stood.
pub async fn ask(
    tx: &DatabaseTransaction,
    keys: &Keyring,
    before: Option<&Asked>,
    request: &Contact,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let (uid, peer) = (request.uid, request.peer);
    let Some(before) = before else {
        return match insert(tx, keys, request, now).await {
            Err(error) if error.is_unique_violation() => Ok(false),
            other => other.map(|()| true),
        };
    };
    let seal = seal(keys, uid.to_i64(), peer.to_i64());
    let change = ActiveModel {
        status: Set(request.status.code()),
        secret: Set(request.secret),
        created_at: Set(seal.time("created_at", now)?),
        ..Default::default()
    };
    change_row(tx, uid, peer, &[before.contact.status], change).await
}

/// Refuses the request of `uid`, if it waits for its answer; says whether it did.
pub async fn refuse(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    peer: Uid,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let seal = seal(keys, uid.to_i64(), peer.to_i64());
    let change = ActiveModel {
        status: Set(ContactStatus::Rejected.code()),
        refused_at: Set(Some(seal.time("refused_at", now)?)),
        ..Default::default()
    };
    change_row(conn, uid, peer, &[ContactStatus::Pending], change).await
}

/// What counts as unanswered to the one who asked: whether they were refused, or never heard, is not theirs to know.
pub const UNANSWERED: &[ContactStatus] = &[
    ContactStatus::Pending,
    ContactStatus::Held,
    ContactStatus::Rejected,
];

/// One page of requests that wait for `uid`'s answer, in the order of the askers' ids, and how many there are. Of
/// whom `uid` has blocked there are none.
pub async fn incoming(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    page: u32,
    per_page: u32,
) -> Result<(Vec<Asked>, u64), StorageError> {
    let blocked = Query::select()
        .column(blocks::Column::Peer)
        .from(blocks::Entity)
        .and_where(blocks::Column::Uid.eq(uid.to_i64()))
        .to_owned();
    let query = Entity::find()
        .filter(Column::Peer.eq(uid.to_i64()))
        .filter(Column::Status.eq(ContactStatus::Pending.code()))
        .filter(Column::Uid.not_in_subquery(blocked));
    read_page(conn, keys, query, Column::Uid, page, per_page).await
}

/// One page of `uid`'s own unanswered requests, in the order of the ids, and how many there are.
pub async fn outgoing(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    page: u32,
    per_page: u32,
) -> Result<(Vec<Asked>, u64), StorageError> {
    let query = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Status.is_in(UNANSWERED.iter().map(|status| status.code())));
    read_page(conn, keys, query, Column::Peer, page, per_page).await
}

async fn read_page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    query: sea_orm::Select<Entity>,
    order: Column,
    page: u32,
    per_page: u32,
) -> Result<(Vec<Asked>, u64), StorageError> {
    let total = query.clone().count(conn).await?;
    let rows = query
        .order_by_asc(order)
        .offset(u64::from(page.saturating_sub(1)) * u64::from(per_page))
        .limit(u64::from(per_page))
        .all(conn)
        .await?;
    let asked: Result<Vec<_>, _> = rows.iter().map(|row| open_asked(keys, row)).collect();
    Ok((asked?, total))
}
