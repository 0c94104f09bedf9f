//! A person leaves: what was theirs goes, what others have of them stays readable, and their id is never
//! given out again. All of it in the caller's transaction.

use melo_crypto::Keyring;
use melo_domain::{ContactStatus, EventKind, LogId, LogKind, Uid};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    QueryTrait, Set, Value,
};
use serde_json::value::RawValue;

use crate::entity::{
    contacts, cursors, devices, events, log_members, logs, spent_device_tokens, tombstones,
};
use crate::logs::statement;
use crate::sealed::RowSeal;
use crate::{StorageError, accounts};

/// Columns that say whose a row is, by table: all rows of the person are deleted. A test holds this list and
/// [`KEPT`] against the schema, so that a new table cannot be forgotten.
pub const OWNED: &[(&str, &str)] = &[
    ("access_tokens", "uid"),
    ("second_factors", "uid"),
    ("recovery_codes", "uid"),
    ("avatars", "uid"),
    ("user_emails", "uid"),
    ("mail_tokens", "uid"),
    ("privacy", "uid"),
    ("presence", "uid"),
    ("blocks", "uid"),
    ("blocks", "peer"),
    ("contacts", "uid"),
    ("chat_requests", "uid"),
    ("chat_invitations", "uid"),
    ("chat_bans", "uid"),
    ("sessions", "uid"),
    ("devices", "uid"),
    ("users", "uid"),
];

/// Columns that name a person or a device and are dealt with in another way, each with the reason.
pub const KEPT: &[(&str, &str, &str)] = &[
    (
        "contacts",
        "peer",
        "the other's own row: where there is a conversation it is marked as gone, else deleted",
    ),
    (
        "log_members",
        "uid",
        "stays in direct conversations, as the address of the other's own messages",
    ),
    (
        "events",
        "sender",
        "whose message it was, for those who go on reading it",
    ),
    (
        "events",
        "device",
        "a number that nothing resolves any more",
    ),
    (
        "chats",
        "owner",
        "handed on, or deleted with the chat, before the account is",
    ),
    ("chat_invites", "created_by", "the chat's invite"),
    ("chat_invitations", "created_by", "the chat's invitation"),
    ("chat_bans", "created_by", "the chat's ban"),
    (
        "chat_keys",
        "sender",
        "whose key it was, for those who go on reading under it",
    ),
    (
        "chat_keys",
        "device",
        "a number that nothing resolves any more",
    ),
    ("sessions", "device", "deleted by uid"),
    ("access_tokens", "session", "deleted by uid"),
    (
        "spent_device_tokens",
        "device",
        "deleted with the person's devices",
    ),
    ("cursors", "device", "deleted with the person's devices"),
    ("audit_log", "actor", "append-only"),
    (
        "bans",
        "created_by",
        "the server's ban, not the moderator's",
    ),
    (
        "register_invites",
        "created_by",
        "the server's invite, not the admin's",
    ),
    ("tombstones", "uid", "the id is never given out again"),
];

/// Logs rewritten in one statement's reach.
const CHUNK: usize = 200;

/// Whether this id belonged to somebody whose account was deleted.
pub async fn is_tombstone(conn: &impl ConnectionTrait, uid: Uid) -> Result<bool, StorageError> {
    let row = tombstones::Entity::find_by_id(uid.to_i64())
        .one(conn)
        .await?;
    Ok(row.is_some())
}

/// Deletes everything of `uid` and leaves a tombstone.
pub async fn erase(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<(), StorageError> {
    let account = accounts::find(tx, keys, uid)
        .await?
        .ok_or(StorageError::Corrupt("missing user row"))?;
    forget_phone(tx, keys, uid).await?;
    for log in left_alone(tx, uid).await? {
        drop_log(tx, log).await?;
    }
    drop_log(tx, account.private_log).await?;
    leave_contacts(tx, uid).await?;
    let shared = logs::Entity::find()
        .select_only()
        .column(logs::Column::Id)
        .filter(logs::Column::Kind.ne(LogKind::Direct.code()));
    log_members::Entity::delete_many()
        .filter(log_members::Column::Uid.eq(uid.to_i64()))
        .filter(log_members::Column::Log.in_subquery(shared.into_query()))
        .exec(tx)
        .await?;
    let own_devices = devices::Entity::find()
        .select_only()
        .column(devices::Column::Id)
        .filter(devices::Column::Uid.eq(uid.to_i64()));
    spent_device_tokens::Entity::delete_many()
        .filter(spent_device_tokens::Column::Device.in_subquery(own_devices.clone().into_query()))
        .exec(tx)
        .await?;
    cursors::Entity::delete_many()
        .filter(cursors::Column::Device.in_subquery(own_devices.into_query()))
        .exec(tx)
        .await?;
    for (table, column) in OWNED {
        let sql = format!("DELETE FROM {table} WHERE {column} = ?");
        let values: [Value; 1] = [uid.to_i64().into()];
        tx.execute_raw(statement(tx.get_database_backend(), &sql, values))
            .await?;
    }
    let stone = tombstones::ActiveModel {
        uid: Set(uid.to_i64()),
    };
    stone.insert(tx).await?;
    Ok(())
}

/// Conversations whose other member is gone already: nobody reads them after this.
async fn left_alone(tx: &impl ConnectionTrait, uid: Uid) -> Result<Vec<LogId>, StorageError> {
    let rows = contacts::Entity::find()
        .filter(contacts::Column::Uid.eq(uid.to_i64()))
        .filter(contacts::Column::Status.eq(ContactStatus::Gone.code()))
        .all(tx)
        .await?;
    rows.iter()
        .filter_map(|row| row.log)
        .map(|log| Ok(LogId::from_i64(log)?))
        .collect()
}

async fn drop_log(tx: &impl ConnectionTrait, log: LogId) -> Result<(), StorageError> {
    let id = log.to_i64();
    events::Entity::delete_many()
        .filter(events::Column::Log.eq(id))
        .exec(tx)
        .await?;
    cursors::Entity::delete_many()
        .filter(cursors::Column::Log.eq(id))
        .exec(tx)
        .await?;
    log_members::Entity::delete_many()
        .filter(log_members::Column::Log.eq(id))
        .exec(tx)
        .await?;
    logs::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Others' rows about the person: who has, or had, a conversation keeps theirs, marked, as the way to it; requests end.
async fn leave_contacts(tx: &impl ConnectionTrait, uid: Uid) -> Result<(), StorageError> {
    use contacts::Column;
    let of_peer = || Column::Peer.eq(uid.to_i64());
    contacts::Entity::update_many()
        .col_expr(Column::Status, Expr::value(ContactStatus::Gone.code()))
        .filter(of_peer())
        .filter(Column::Log.is_not_null())
        .exec(tx)
        .await?;
    contacts::Entity::delete_many()
        .filter(of_peer())
        .filter(Column::Status.ne(ContactStatus::Gone.code()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes the person's phone out of the requests and confirmations that lie in others' private logs. The events
/// themselves stay: a log has no gaps.
async fn forget_phone(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<(), StorageError> {
    let own = uid.to_i64();
    let pairs: Vec<(i64, i64)> = contacts::Entity::find()
        .select_only()
        .column(contacts::Column::Uid)
        .column(contacts::Column::Peer)
        .filter(
            contacts::Column::Uid
                .eq(own)
                .or(contacts::Column::Peer.eq(own)),
        )
        .into_tuple()
        .all(tx)
        .await?;
    let mut others: Vec<Uid> = Vec::with_capacity(pairs.len());
    for (one, other) in pairs {
        others.push(Uid::from_i64(if one == own { other } else { one })?);
    }
    others.sort_unstable();
    others.dedup();
    let notices = [
        EventKind::SubscriptionRequest,
        EventKind::SubscriptionConfirmed,
    ];
    for chunk in others.chunks(CHUNK) {
        let logs = accounts::private_logs(tx, chunk).await?;
        let rows = events::Entity::find()
            .filter(events::Column::Log.is_in(logs.iter().map(|(_, log)| log.to_i64())))
            .filter(events::Column::Sender.eq(own))
            .filter(events::Column::Kind.is_in(notices.map(EventKind::code)))
            .all(tx)
            .await?;
        for row in rows {
            rewrite(tx, keys, &row).await?;
        }
    }
    Ok(())
}

async fn rewrite(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    row: &events::Model,
) -> Result<(), StorageError> {
    let event = crate::events::open(keys, row)?;
    let corrupt = |_| StorageError::Corrupt("notice");
    let mut members: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(&event.payload).map_err(corrupt)?;
    members.insert("from_phone".to_owned(), RawValue::NULL.to_owned());
    let payload = serde_json::to_string(&members).map_err(corrupt)?;
    let body = crate::events::encode_body(event.at, &payload);
    let seal = RowSeal::new(keys, "events", crate::events::row_id(event.log, event.seq));
    let change = events::ActiveModel {
        log: Set(row.log),
        seq: Set(row.seq),
        body: Set(seal.text("body", &body)?),
        ..Default::default()
    };
    change.update(tx).await?;
    Ok(())
}
