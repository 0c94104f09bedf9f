//! What is kept out.

use melo_crypto::{BlindIndex, Column as SealedColumn, Keyring, random};
use melo_domain::{BanKind, Banned, Network, Timestamp, Uid};
use sea_orm::sea_query::Cond;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use crate::StorageError;
use crate::entity::bans::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "bans";
const VALUE: SealedColumn = SealedColumn::new(TABLE, "value");

/// What [`insert`] writes.
#[derive(Debug)]
pub struct NewBan<'a> {
    /// What is banned.
    pub banned: &'a Banned,
    /// For other admins.
    pub reason: &'a str,
    /// Who decided; `None` for the operator at the server itself.
    pub created_by: Option<Uid>,
    /// Now.
    pub created: Timestamp,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
}

/// A ban, opened.
#[derive(Debug, Clone)]
pub struct Ban {
    /// Public id.
    pub id: i64,
    /// What is banned.
    pub kind: BanKind,
    /// The value, in its one form.
    pub value: String,
    /// For other admins.
    pub reason: String,
    /// Who decided.
    pub created_by: Option<Uid>,
    /// When.
    pub created: Timestamp,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
}

/// How a banned value is found: without opening it, the same for the same value.
pub fn index_of(keys: &Keyring, banned: &Banned) -> BlindIndex {
    // The kind is a fixed word without a space, so that no value runs into it.
    let text = format!("{} {}", banned.kind().as_str(), banned.value());
    keys.blind_index(VALUE, text.as_bytes())
}

/// Writes a ban and returns its id. A unique violation means that the same value is banned already.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    new: &NewBan<'_>,
) -> Result<i64, StorageError> {
    let id = i64::try_from(random::u64() >> 1).unwrap_or(1);
    let seal = RowSeal::new(keys, TABLE, id);
    let expires = new.expires.map(|at| seal.time("expires", at)).transpose()?;
    let row = ActiveModel {
        id: Set(id),
        kind: Set(new.banned.kind().code()),
        value_index: Set(index_of(keys, new.banned).as_bytes().to_vec()),
        value_index_next: Set(None),
        value: Set(seal.text("value", &new.banned.value())?),
        reason: Set(seal.text("reason", new.reason)?),
        created_by: Set(new.created_by.map(Uid::to_i64)),
        created_at: Set(seal.time("created_at", new.created)?),
        expires: Set(expires),
    };
    row.insert(conn).await?;
    Ok(id)
}

/// Removes the ban of this value; says whether there was one.
pub async fn remove_value(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    banned: &Banned,
) -> Result<bool, StorageError> {
    let index = index_of(keys, banned).as_bytes().to_vec();
    let either = Cond::any()
        .add(Column::ValueIndex.eq(index.clone()))
        .add(Column::ValueIndexNext.eq(index));
    let done = Entity::delete_many().filter(either).exec(conn).await?;
    Ok(done.rows_affected > 0)
}

/// Removes a ban; says whether there was one.
pub async fn remove(conn: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(id).exec(conn).await?;
    Ok(done.rows_affected == 1)
}

/// A page of the bans, in an order that stays, and how many there are in all.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    page: u32,
    per_page: u32,
) -> Result<(Vec<Ban>, u64), StorageError> {
    let total = Entity::find().count(conn).await?;
    let rows = Entity::find()
        .order_by_asc(Column::Id)
        .offset(u64::from(page.saturating_sub(1)) * u64::from(per_page))
        .limit(u64::from(per_page))
        .all(conn)
        .await?;
    let bans: Result<_, StorageError> = rows.into_iter().map(|row| open(keys, row)).collect();
    Ok((bans?, total))
}

fn open(keys: &Keyring, row: Model) -> Result<Ban, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.id);
    Ok(Ban {
        id: row.id,
        kind: BanKind::from_code(row.kind)?,
        value: seal.open_text("value", &row.value)?,
        reason: seal.open_text("reason", &row.reason)?,
        created_by: row.created_by.map(Uid::from_i64).transpose()?,
        created: seal.open_time("created_at", &row.created_at)?,
        expires: open_expiry(&seal, row.expires.as_ref())?,
    })
}

fn open_expiry(
    seal: &RowSeal<'_>,
    sealed: Option<&crate::Sealed>,
) -> Result<Option<Timestamp>, StorageError> {
    sealed
        .map(|sealed| seal.open_time("expires", sealed))
        .transpose()
}

/// A ban as a check needs it.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// How it is found without opening it.
    pub index: BlindIndex,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
    /// The addresses it covers, if they are more than one place: an index finds equals only.
    pub range: Option<Network>,
}

/// All bans as a check needs them. Nothing in them is personal: no single address, device or phone.
pub async fn standing(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
) -> Result<Vec<Standing>, StorageError> {
    let mut standing = Vec::new();
    for row in Entity::find().all(conn).await? {
        let seal = RowSeal::new(keys, TABLE, row.id);
        let expires = open_expiry(&seal, row.expires.as_ref())?;
        let range = open_range(&seal, &row)?;
        for index in std::iter::once(&row.value_index).chain(&row.value_index_next) {
            let index = BlindIndex::from_bytes(index);
            standing.push(Standing {
                index: index.map_err(|_| StorageError::Corrupt("blind index"))?,
                expires,
                range,
            });
        }
    }
    Ok(standing)
}

fn open_range(seal: &RowSeal<'_>, row: &Model) -> Result<Option<Network>, StorageError> {
    if BanKind::from_code(row.kind)? != BanKind::Address {
        return Ok(None);
    }
    let value = seal.open_text("value", &row.value)?;
    let network: Network = value
        .parse()
        .map_err(|_| StorageError::Corrupt("banned address"))?;
    Ok(Some(network).filter(|network| network.is_range()))
}

/// Whether a ban of exactly one of these values stands at this moment. Asked in a transaction, it is what is true
/// there. Ranges are no business of this: [`standing`] has them.
pub async fn any_stands(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    suspects: &[Banned],
    now: Timestamp,
) -> Result<bool, StorageError> {
    let indexes: Vec<Vec<u8>> = suspects
        .iter()
        .map(|suspect| index_of(keys, suspect).as_bytes().to_vec())
        .collect();
    let either = Cond::any()
        .add(Column::ValueIndex.is_in(indexes.clone()))
        .add(Column::ValueIndexNext.is_in(indexes));
    for row in Entity::find().filter(either).all(conn).await? {
        let seal = RowSeal::new(keys, TABLE, row.id);
        let expires = open_expiry(&seal, row.expires.as_ref())?;
        if expires.is_none_or(|expires| expires > now) {
            return Ok(true);
        }
    }
    Ok(false)
}
