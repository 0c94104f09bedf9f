//! People at a chat's door: who asks to be let in, who was asked to come in, who is kept out. Three tables of one
//! form.

use melo_crypto::Keyring;
use melo_domain::{LogId, Timestamp, Uid};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::StorageError;
use crate::logs::statement;
use crate::sealed::{RowSeal, Sealed};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatList {
    /// Asks to be let in.
    Requests,
    /// Was asked to come in.
    Invitations,
    /// Is kept out.
    Bans,
}

impl ChatList {
    fn table(self) -> &'static str {
        match self {
            Self::Requests => "chat_requests",
            Self::Invitations => "chat_invitations",
            Self::Bans => "chat_bans",
        }
    }

    /// Whether it is noted who put somebody there.
    fn has_maker(self) -> bool {
        self != Self::Requests
    }

    fn columns(self) -> &'static str {
        if self.has_maker() {
            "chat, uid, created_at, created_by"
        } else {
            "chat, uid, created_at, uid AS created_by"
        }
    }
}

/// Somebody on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Of which chat.
    pub chat: LogId,
    /// Who.
    pub uid: Uid,
    /// Who put them there.
    pub by: Uid,
    /// When.
    pub created: Timestamp,
}

fn seal(keys: &Keyring, list: ChatList, chat: LogId, uid: Uid) -> RowSeal<'_> {
    RowSeal::new(keys, list.table(), format!("{chat}:{}", uid.to_i64()))
}

fn open(keys: &Keyring, list: ChatList, row: &QueryResult) -> Result<Listed, StorageError> {
    let chat = LogId::from_i64(row.try_get("", "chat")?)?;
    let uid = Uid::from_i64(row.try_get("", "uid")?)?;
    let created: Sealed = row.try_get("", "created_at")?;
    Ok(Listed {
        chat,
        uid,
        by: Uid::from_i64(row.try_get("", "created_by")?)?,
        created: seal(keys, list, chat, uid).open_time("created_at", &created)?,
    })
}

/// Puts somebody on a list. A unique violation means that they are on it.
pub async fn add(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    list: ChatList,
    new: Listed,
) -> Result<(), StorageError> {
    let table = list.table();
    let created = seal(keys, list, new.chat, new.uid).time("created_at", new.created)?;
    let mut values: Vec<Value> = vec![
        new.chat.to_i64().into(),
        new.uid.to_i64().into(),
        created.into(),
    ];
    let sql = if list.has_maker() {
        values.push(new.by.to_i64().into());
        format!("INSERT INTO {table} (chat, uid, created_at, created_by) VALUES (?, ?, ?, ?)")
    } else {
        format!("INSERT INTO {table} (chat, uid, created_at) VALUES (?, ?, ?)")
    };
    let backend = tx.get_database_backend();
    tx.execute_raw(statement(backend, &sql, values)).await?;
    Ok(())
}

/// Takes somebody off a list; says whether they were on it.
pub async fn remove(
    tx: &impl ConnectionTrait,
    list: ChatList,
    chat: LogId,
    uid: Uid,
) -> Result<bool, StorageError> {
    let sql = format!("DELETE FROM {} WHERE chat = ? AND uid = ?", list.table());
    let values: [Value; 2] = [chat.to_i64().into(), uid.to_i64().into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(statement(backend, &sql, values)).await?;
    Ok(done.rows_affected() == 1)
}

/// Somebody's entry.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    list: ChatList,
    chat: LogId,
    uid: Uid,
) -> Result<Option<Listed>, StorageError> {
    let (columns, table) = (list.columns(), list.table());
    let sql = format!("SELECT {columns} FROM {table} WHERE chat = ? AND uid = ?");
    let values: [Value; 2] = [chat.to_i64().into(), uid.to_i64().into()];
    let backend = conn.get_database_backend();
    let row = conn.query_one_raw(statement(backend, &sql, values)).await?;
    row.map(|row| open(keys, list, &row)).transpose()
}

/// Those on a chat's list after `after`, in the order of their ids.
pub async fn of_chat(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    list: ChatList,
    chat: LogId,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<Listed>, StorageError> {
    let (columns, table) = (list.columns(), list.table());
    let sql =
        format!("SELECT {columns} FROM {table} WHERE chat = ? AND uid > ? ORDER BY uid LIMIT ?");
    let values: [Value; 3] = [
        chat.to_i64().into(),
        after.map_or(0, Uid::to_i64).into(),
        limit.cast_signed().into(),
    ];
    let backend = conn.get_database_backend();
    let rows = conn.query_all_raw(statement(backend, &sql, values)).await?;
    rows.iter().map(|row| open(keys, list, row)).collect()
}

/// The chats on whose list somebody is, in the order of their ids, `limit` at most.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    list: ChatList,
    uid: Uid,
    limit: u64,
) -> Result<Vec<Listed>, StorageError> {
    let (columns, table) = (list.columns(), list.table());
    let sql = format!("SELECT {columns} FROM {table} WHERE uid = ? ORDER BY chat LIMIT ?");
    let values: [Value; 2] = [uid.to_i64().into(), limit.cast_signed().into()];
    let backend = conn.get_database_backend();
    let rows = conn.query_all_raw(statement(backend, &sql, values)).await?;
    rows.iter().map(|row| open(keys, list, row)).collect()
}
