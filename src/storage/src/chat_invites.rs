//! Codes that let people into a chat. A code is found by its hash and kept sealed, for those who run the chat to show
//! it again.

use std::collections::HashMap;

use melo_crypto::{Keyring, TokenHash};
use melo_domain::{LogId, Secret, Timestamp, Uid};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, Set,
};

use crate::StorageError;
use crate::entity::chat_invites::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "chat_invites";

/// A way into a chat.
#[derive(Debug, Clone)]
pub struct ChatInvite {
    /// Random.
    pub id: i64,
    /// Into which.
    pub chat: LogId,
    /// Who made it.
    pub created_by: Uid,
    /// What is shown to get in.
    pub code: Secret,
    /// Whether it is the one that everybody may know of a public chat.
    pub public: bool,
    /// How many have used it.
    pub uses: u32,
    /// How many more may; `None`: any number.
    pub uses_left: Option<u32>,
    /// It is good until then; `None`: for ever.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl ChatInvite {
    /// Whether somebody may still come in with it.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.uses_left != Some(0) && self.expires.is_none_or(|expires| now < expires)
    }
}

fn open(keys: &Keyring, row: &Model) -> Result<ChatInvite, StorageError> {
    let seal = RowSeal::new(keys, TABLE, row.id);
    let expires = row.expires_at.as_ref();
    Ok(ChatInvite {
        id: row.id,
        chat: LogId::from_i64(row.chat)?,
        created_by: Uid::from_i64(row.created_by)?,
        code: Secret::new(seal.open_text("code", &row.code)?),
        public: row.public,
        uses: u32::try_from(row.uses).unwrap_or(0),
        uses_left: u32::try_from(row.uses_left).ok(),
        expires: expires
            .map(|at| seal.open_time("expires_at", at))
            .transpose()?,
        created: seal.open_time("created_at", &row.created_at)?,
    })
}

/// Writes a new invite.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    invite: &ChatInvite,
) -> Result<(), StorageError> {
    let seal = RowSeal::new(keys, TABLE, invite.id);
    let left = invite.uses_left.map(i32::try_from).transpose();
    let expires = invite.expires;
    let row = ActiveModel {
        id: Set(invite.id),
        chat: Set(invite.chat.to_i64()),
        created_by: Set(invite.created_by.to_i64()),
        code_hash: Set(TokenHash::of(invite.code.expose()).as_bytes().to_vec()),
        code: Set(seal.text("code", invite.code.expose())?),
        public: Set(invite.public),
        uses: Set(i32::try_from(invite.uses).unwrap_or(i32::MAX)),
        uses_left: Set(left.unwrap_or(Some(i32::MAX)).unwrap_or(-1)),
        expires_day: Set(expires.map(Timestamp::day)),
        expires_at: Set(expires.map(|at| seal.time("expires_at", at)).transpose()?),
        created_at: Set(seal.time("created_at", invite.created)?),
    };
    row.insert(conn).await?;
    Ok(())
}

/// The invite with this code's hash.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    hash: &TokenHash,
) -> Result<Option<ChatInvite>, StorageError> {
    let row = Entity::find()
        .filter(Column::CodeHash.eq(hash.as_bytes().to_vec()))
        .one(conn)
        .await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// The invite of this id.
pub async fn by_id(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: i64,
) -> Result<Option<ChatInvite>, StorageError> {
    let row = Entity::find_by_id(id).one(conn).await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// Counts a use of it: as many callers are told `true` as there were uses left.
pub async fn take_use(tx: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    let left = Expr::cust("CASE WHEN uses_left > 0 THEN uses_left - 1 ELSE uses_left END");
    let done = Entity::update_many()
        .col_expr(Column::Uses, Expr::col(Column::Uses).add(1))
        .col_expr(Column::UsesLeft, left)
        .filter(Column::Id.eq(id))
        .filter(Column::UsesLeft.ne(0))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The chat's invites but the public one, newest first.
pub async fn of_chat(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    chat: LogId,
) -> Result<Vec<ChatInvite>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Chat.eq(chat.to_i64()))
        .filter(Column::Public.eq(false))
        .all(conn)
        .await?;
    let opened: Result<Vec<_>, _> = rows.iter().map(|row| open(keys, row)).collect();
    let mut invites = opened?;
    invites.sort_by_key(|invite| std::cmp::Reverse((invite.created, invite.id)));
    Ok(invites)
}

/// How many invites but the public one the chat has.
pub async fn count(conn: &impl ConnectionTrait, chat: LogId) -> Result<u64, StorageError> {
    let invites = Entity::find()
        .filter(Column::Chat.eq(chat.to_i64()))
        .filter(Column::Public.eq(false));
    Ok(invites.count(conn).await?)
}

/// The public codes of these chats, in one query.
pub async fn public_codes(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    chats: &[LogId],
) -> Result<HashMap<LogId, Secret>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Chat.is_in(chats.iter().map(|chat| chat.to_i64())))
        .filter(Column::Public.eq(true))
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let invite = open(keys, row)?;
            Ok((invite.chat, invite.code))
        })
        .collect()
}

/// Takes the chat's public code away.
pub async fn remove_public(tx: &impl ConnectionTrait, chat: LogId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::Chat.eq(chat.to_i64()))
        .filter(Column::Public.eq(true))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes an invite away; says whether there was one.
pub async fn remove(tx: &impl ConnectionTrait, id: i64) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(id).exec(tx).await?;
    Ok(done.rows_affected == 1)
}

/// Removes what expired more than `keep_days` days ago.
pub async fn sweep(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    keep_days: i32,
) -> Result<u64, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::ExpiresDay.lt(now.day() - keep_days))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}
