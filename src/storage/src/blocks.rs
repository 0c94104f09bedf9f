//! Who keeps whom away.

use std::collections::HashSet;

use melo_crypto::Keyring;
use melo_domain::{Timestamp, Uid};
use sea_orm::sea_query::Cond;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::blocks::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

/// Somebody kept away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Who.
    pub peer: Uid,
    /// Since when.
    pub created: Timestamp,
}

fn seal(keys: &Keyring, uid: Uid, peer: Uid) -> RowSeal<'_> {
    RowSeal::new(
        keys,
        "blocks",
        format!("{}:{}", uid.to_i64(), peer.to_i64()),
    )
}

/// Has `uid` keep `peer` away; says whether that is new. The caller holds one of the two accounts, so that of two
/// at once the second sees what the first has written.
pub async fn add(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    peer: Uid,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let known = Entity::find_by_id((uid.to_i64(), peer.to_i64()));
    if known.one(tx).await?.is_some() {
        return Ok(false);
    }
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        peer: Set(peer.to_i64()),
        created_at: Set(seal(keys, uid, peer).time("created_at", now)?),
    };
    row.insert(tx).await?;
    Ok(true)
}

/// Lets `peer` come near `uid` again; says whether they were kept away.
pub async fn remove(
    conn: &impl ConnectionTrait,
    uid: Uid,
    peer: Uid,
) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id((uid.to_i64(), peer.to_i64()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Whether the first has blocked the second, and whether the second has blocked the first.
pub async fn between(
    conn: &impl ConnectionTrait,
    one: Uid,
    other: Uid,
) -> Result<(bool, bool), StorageError> {
    let of = |uid: Uid, peer: Uid| {
        Cond::all()
            .add(Column::Uid.eq(uid.to_i64()))
            .add(Column::Peer.eq(peer.to_i64()))
    };
    let either = Cond::any().add(of(one, other)).add(of(other, one));
    let rows = Entity::find().filter(either).all(conn).await?;
    let by = |uid: Uid| rows.iter().any(|row| row.uid == uid.to_i64());
    Ok((by(one), by(other)))
}

/// Everybody whom `uid` has blocked or who has blocked `uid`.
pub async fn around(conn: &impl ConnectionTrait, uid: Uid) -> Result<Vec<Uid>, StorageError> {
    let own = uid.to_i64();
    let either = Cond::any()
        .add(Column::Uid.eq(own))
        .add(Column::Peer.eq(own));
    let rows = Entity::find().filter(either).all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(Uid::from_i64(if row.uid == own {
                row.peer
            } else {
                row.uid
            })?)
        })
        .collect()
}

/// Each of these people with each of those whom they have blocked or who have blocked them, in one query.
pub async fn around_all(
    conn: &impl ConnectionTrait,
    uids: &[Uid],
) -> Result<HashSet<(Uid, Uid)>, StorageError> {
    let of = || uids.iter().map(|uid| uid.to_i64());
    let either = Cond::any()
        .add(Column::Uid.is_in(of()))
        .add(Column::Peer.is_in(of()));
    let rows = Entity::find().filter(either).all(conn).await?;
    let mut pairs = HashSet::with_capacity(rows.len() * 2);
    for row in rows {
        let (uid, peer) = (Uid::from_i64(row.uid)?, Uid::from_i64(row.peer)?);
        pairs.extend([(uid, peer), (peer, uid)]);
    }
    Ok(pairs)
}

/// One page of those whom `uid` has blocked, in the order of their ids, and how many there are.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    page: u32,
    per_page: u32,
) -> Result<(Vec<Block>, u64), StorageError> {
    let query = Entity::find().filter(Column::Uid.eq(uid.to_i64()));
    let total = query.clone().count(conn).await?;
    let rows = query
        .order_by_asc(Column::Peer)
        .offset(u64::from(page.saturating_sub(1)) * u64::from(per_page))
        .limit(u64::from(per_page))
        .all(conn)
        .await?;
    let blocks: Result<Vec<_>, _> = rows.iter().map(|row| open(keys, row)).collect();
    Ok((blocks?, total))
}

fn open(keys: &Keyring, row: &Model) -> Result<Block, StorageError> {
    let (uid, peer) = (Uid::from_i64(row.uid)?, Uid::from_i64(row.peer)?);
    Ok(Block {
        peer,
        created: seal(keys, uid, peer).open_time("created_at", &row.created_at)?,
    })
}
