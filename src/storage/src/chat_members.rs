//! Who is in a chat, and as what.

use std::collections::HashMap;

use melo_crypto::Keyring;
use melo_domain::{ChatRole, LogId, LogKind, Seq, Timestamp, Uid};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, Set, Value,
};

use crate::StorageError;
use crate::entity::log_members::{ActiveModel, Column, Entity, Model};
use crate::logs::statement;
use crate::sealed::RowSeal;

/// A member, as routing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub uid: Uid,
    /// As what.
    pub role: ChatRole,
    /// The first event that is for them.
    pub from_seq: Seq,
}

fn seal(keys: &Keyring, log: LogId, uid: Uid) -> RowSeal<'_> {
    RowSeal::new(keys, "log_members", format!("{log}:{}", uid.to_i64()))
}

fn open(row: &Model) -> Result<Member, StorageError> {
    Ok(Member {
        uid: Uid::from_i64(row.uid)?,
        role: ChatRole::from_code(row.role)?,
        from_seq: row.from_seq.unsigned_abs(),
    })
}

/// Everybody in the chat, in the order of their ids.
pub async fn all(conn: &impl ConnectionTrait, log: LogId) -> Result<Vec<Member>, StorageError> {
    let rows: Vec<(i64, i16, i64)> = Entity::find()
        .select_only()
        .columns([Column::Uid, Column::Role, Column::FromSeq])
        .filter(Column::Log.eq(log.to_i64()))
        .order_by_asc(Column::Uid)
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(uid, role, from_seq)| {
            Ok(Member {
                uid: Uid::from_i64(uid)?,
                role: ChatRole::from_code(role)?,
                from_seq: from_seq.unsigned_abs(),
            })
        })
        .collect()
}

/// One member.
pub async fn find(
    conn: &impl ConnectionTrait,
    log: LogId,
    uid: Uid,
) -> Result<Option<Member>, StorageError> {
    let row = Entity::find_by_id((log.to_i64(), uid.to_i64()))
        .one(conn)
        .await?;
    row.as_ref().map(open).transpose()
}

/// Members after `after`, and since when they are.
pub async fn page(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<(Member, Timestamp)>, StorageError> {
    let mut query = Entity::find().filter(Column::Log.eq(log.to_i64()));
    if let Some(after) = after {
        query = query.filter(Column::Uid.gt(after.to_i64()));
    }
    let rows = query
        .order_by_asc(Column::Uid)
        .limit(limit)
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let member = open(row)?;
            let seal = seal(keys, log, member.uid);
            Ok((member, seal.open_time("joined_at", &row.joined_at)?))
        })
        .collect()
}

/// How many members the chat has.
pub async fn count(conn: &impl ConnectionTrait, log: LogId) -> Result<u64, StorageError> {
    let members = Entity::find().filter(Column::Log.eq(log.to_i64()));
    Ok(members.count(conn).await?)
}

/// Those who run the chat: its owner and admins.
pub async fn leaders(conn: &impl ConnectionTrait, log: LogId) -> Result<Vec<Uid>, StorageError> {
    let rows: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Uid)
        .filter(Column::Log.eq(log.to_i64()))
        .filter(Column::Role.ne(ChatRole::Member.code()))
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|uid| Ok(Uid::from_i64(uid)?))
        .collect()
}

/// Who is to own the chat after its owner: the admin who has been in it longest, else the member who has.
pub async fn heir(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    log: LogId,
) -> Result<Option<Uid>, StorageError> {
    for role in [ChatRole::Admin, ChatRole::Member] {
        let rows = Entity::find()
            .filter(Column::Log.eq(log.to_i64()))
            .filter(Column::Role.eq(role.code()))
            .all(conn)
            .await?;
        let mut first: Option<(Timestamp, Uid)> = None;
        for row in &rows {
            let uid = Uid::from_i64(row.uid)?;
            let joined = seal(keys, log, uid).open_time("joined_at", &row.joined_at)?;
            first = first.min(Some((joined, uid))).or(Some((joined, uid)));
        }
        if let Some((_, uid)) = first {
            return Ok(Some(uid));
        }
    }
    Ok(None)
}

/// How many members each of these chats has, in one query.
pub async fn counts(
    conn: &impl ConnectionTrait,
    logs: &[LogId],
) -> Result<HashMap<LogId, u64>, StorageError> {
    let rows: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .column(Column::Log)
        .column_as(Column::Uid.count(), "members")
        .filter(Column::Log.is_in(logs.iter().map(|log| log.to_i64())))
        .group_by(Column::Log)
        .into_tuple()
        .all(conn)
        .await?;
    rows.into_iter()
        .map(|(log, count)| Ok((LogId::from_i64(log)?, count.unsigned_abs())))
        .collect()
}

/// Gives a member another role.
pub async fn set_role(
    tx: &impl ConnectionTrait,
    log: LogId,
    uid: Uid,
    role: ChatRole,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        log: Set(log.to_i64()),
        uid: Set(uid.to_i64()),
        role: Set(role.code()),
        ..Default::default()
    };
    row.update(tx).await?;
    Ok(())
}

/// A chat that a person is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Which.
    pub log: LogId,
    /// Group or channel.
    pub kind: LogKind,
    /// As what.
    pub role: ChatRole,
    /// The first event that is for them.
    pub from_seq: Seq,
}

/// Chats of a person after `after`, in the order of their ids.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    uid: Uid,
    after: Option<LogId>,
    offset: u64,
    limit: u64,
) -> Result<Vec<Membership>, StorageError> {
    let sql = "SELECT m.log AS log, l.kind AS kind, m.role AS role, m.from_seq AS from_seq FROM log_members m \
               JOIN logs l ON l.id = m.log WHERE m.uid = ? AND l.kind IN (?, ?) AND m.log > ? \
               ORDER BY m.log LIMIT ? OFFSET ?";
    let values: [Value; 6] = [
        uid.to_i64().into(),
        LogKind::Group.code().into(),
        LogKind::Channel.code().into(),
        after.map_or(0, LogId::to_i64).into(),
        limit.cast_signed().into(),
        offset.cast_signed().into(),
    ];
    let rows = conn
        .query_all_raw(statement(conn.get_database_backend(), sql, values))
        .await?;
    rows.iter().map(open_membership).collect()
}

/// Since when a person has been in each of their logs.
pub async fn joined(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<HashMap<LogId, Timestamp>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let log = LogId::from_i64(row.log)?;
            let joined = seal(keys, log, uid).open_time("joined_at", &row.joined_at)?;
            Ok((log, joined))
        })
        .collect()
}

/// How a person is in this chat, if they are and it is one.
pub async fn membership(
    conn: &impl ConnectionTrait,
    uid: Uid,
    log: LogId,
) -> Result<Option<Membership>, StorageError> {
    let before = log.to_i64() - 1;
    let before = (before > 0).then(|| LogId::from_i64(before)).transpose()?;
    let found = of_person(conn, uid, before, 0, 1).await?;
    Ok(found.into_iter().next().filter(|found| found.log == log))
}

fn open_membership(row: &QueryResult) -> Result<Membership, StorageError> {
    Ok(Membership {
        log: LogId::from_i64(row.try_get("", "log")?)?,
        kind: LogKind::from_code(row.try_get("", "kind")?)?,
        role: ChatRole::from_code(row.try_get("", "role")?)?,
        from_seq: row.try_get::<i64>("", "from_seq")?.unsigned_abs(),
    })
}

/// How many chats a person is in.
pub async fn count_of_person(conn: &impl ConnectionTrait, uid: Uid) -> Result<u64, StorageError> {
    let sql = "SELECT COUNT(*) AS n FROM log_members m JOIN logs l ON l.id = m.log \
               WHERE m.uid = ? AND l.kind IN (?, ?)";
    let values: [Value; 3] = [
        uid.to_i64().into(),
        LogKind::Group.code().into(),
        LogKind::Channel.code().into(),
    ];
    let row = conn
        .query_one_raw(statement(conn.get_database_backend(), sql, values))
        .await?;
    let count = row.map(|row| row.try_get::<i64>("", "n")).transpose()?;
    Ok(count.unwrap_or(0).unsigned_abs())
}

/// Whether two people are in one chat.
pub async fn share_a_chat(
    conn: &impl ConnectionTrait,
    one: Uid,
    other: Uid,
) -> Result<bool, StorageError> {
    let sql = "SELECT 1 AS found FROM log_members a JOIN log_members b ON b.log = a.log \
               JOIN logs l ON l.id = a.log \
               WHERE a.uid = ? AND b.uid = ? AND l.kind IN (?, ?) LIMIT 1";
    let values: [Value; 4] = [
        one.to_i64().into(),
        other.to_i64().into(),
        LogKind::Group.code().into(),
        LogKind::Channel.code().into(),
    ];
    let row = conn
        .query_one_raw(statement(conn.get_database_backend(), sql, values))
        .await?;
    Ok(row.is_some())
}
