//! Messages that are to be sent later. To whom and what is sealed; when is plain, as the server looks for what is due.

use melo_crypto::{Keyring, random};
use melo_domain::{DeviceHandle, JobKind, LogId, ScheduleId, ScheduleState, Timestamp, Uid};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entity::scheduled::{ActiveModel, Column, Entity, Model};
use crate::sealed::{RowSeal, Sealed};
use crate::{StorageError, jobs};

const TABLE: &str = "scheduled";

/// For whom a message is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressee {
    /// A contact.
    Person(Uid),
    /// A group or channel.
    Chat(LogId),
}

/// What is known of a scheduled message without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled {
    /// Its name.
    pub id: ScheduleId,
    /// Whose.
    pub uid: Uid,
    /// The device that scheduled it.
    pub device: DeviceHandle,
    /// The device's own id of it.
    pub client_id: Option<Uuid>,
    /// When it is to be sent.
    pub due: Timestamp,
    /// Where it stands.
    pub state: ScheduleState,
    /// To whom.
    pub to: Addressee,
    /// When it was scheduled.
    pub created: Timestamp,
}

/// A message to be scheduled.
#[derive(Debug, Clone, Copy)]
pub struct NewScheduled<'a> {
    /// Whose.
    pub uid: Uid,
    /// The device that schedules it.
    pub device: DeviceHandle,
    /// The device's own id of it.
    pub client_id: Option<Uuid>,
    /// When it is to be sent.
    pub due: Timestamp,
    /// To whom.
    pub to: Addressee,
    /// JSON text.
    pub payload: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Head {
    to: Addressee,
    created: i64,
}

/// A row without its body, which is large.
#[derive(sea_orm::FromQueryResult)]
struct Card {
    id: i64,
    uid: i64,
    device: i64,
    client_id: Option<Vec<u8>>,
    due: i64,
    state: i16,
    head: Sealed,
}

fn open(keys: &Keyring, card: &Card) -> Result<Scheduled, StorageError> {
    let plain = RowSeal::new(keys, TABLE, card.id).open("head", &card.head)?;
    let head: Head =
        serde_json::from_slice(&plain).map_err(|_| StorageError::Corrupt("scheduled head"))?;
    Ok(Scheduled {
        id: ScheduleId::from_i64(card.id)?,
        uid: Uid::from_i64(card.uid)?,
        device: DeviceHandle::from_i64(card.device)?,
        client_id: card
            .client_id
            .as_deref()
            .and_then(|id| Uuid::from_slice(id).ok()),
        due: Timestamp::from_millis(card.due),
        state: ScheduleState::from_code(card.state)?,
        to: head.to,
        created: Timestamp::from_millis(head.created),
    })
}

fn cards() -> sea_orm::Select<Entity> {
    Entity::find().select_only().columns([
        Column::Id,
        Column::Uid,
        Column::Device,
        Column::ClientId,
        Column::Due,
        Column::State,
        Column::Head,
    ])
}

/// Writes a message that waits for its time. A unique violation means that the device has scheduled one under this id
/// of its own before.
pub async fn insert(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    new: NewScheduled<'_>,
    now: Timestamp,
) -> Result<ScheduleId, StorageError> {
    let id = ScheduleId::from_random(random::u64());
    let seal = RowSeal::new(keys, TABLE, id.to_i64());
    let head = Head {
        to: new.to,
        created: now.millis(),
    };
    let head = serde_json::to_vec(&head).map_err(|_| StorageError::Corrupt("scheduled head"))?;
    let row = ActiveModel {
        id: Set(id.to_i64()),
        uid: Set(new.uid.to_i64()),
        device: Set(new.device.to_i64()),
        client_id: Set(new.client_id.map(|id| id.as_bytes().to_vec())),
        due: Set(new.due.millis()),
        state: Set(ScheduleState::Waiting.code()),
        head: Set(seal.bytes("head", &head)?),
        body: Set(seal.text("body", new.payload)?),
    };
    Entity::insert(row).exec_without_returning(conn).await?;
    Ok(id)
}

/// How many messages of a person wait.
pub async fn count(conn: &impl ConnectionTrait, uid: Uid) -> Result<u64, StorageError> {
    let own = Entity::find().filter(Column::Uid.eq(uid.to_i64()));
    Ok(own.count(conn).await?)
}

/// All that wait of a person, the next one first.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Vec<Scheduled>, StorageError> {
    let rows: Vec<Card> = cards()
        .filter(Column::Uid.eq(uid.to_i64()))
        .order_by_asc(Column::Due)
        .order_by_asc(Column::Id)
        .into_model()
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}

/// The one that a device has scheduled under this id of its own, if it waits still.
pub async fn by_client_id(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    device: DeviceHandle,
    client_id: Uuid,
) -> Result<Option<Scheduled>, StorageError> {
    let row: Option<Card> = cards()
        .filter(Column::Device.eq(device.to_i64()))
        .filter(Column::ClientId.eq(client_id.as_bytes().to_vec()))
        .into_model()
        .one(conn)
        .await?;
    row.map(|row| open(keys, &row)).transpose()
}

/// One with its content.
pub async fn find(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    id: ScheduleId,
) -> Result<Option<(Scheduled, String)>, StorageError> {
    let Some(row) = Entity::find_by_id(id.to_i64()).one(conn).await? else {
        return Ok(None);
    };
    let payload = RowSeal::new(keys, TABLE, row.id).open_text("body", &row.body)?;
    Ok(Some((open(keys, &card(row))?, payload)))
}

fn card(row: Model) -> Card {
    Card {
        id: row.id,
        uid: row.uid,
        device: row.device,
        client_id: row.client_id,
        due: row.due,
        state: row.state,
        head: row.head,
    }
}

/// Puts jobs into the queue for up to `limit` messages that are due; says for how many. Of two at once, each message
/// goes to one of them.
pub async fn enqueue_due(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    now: Timestamp,
    limit: u64,
) -> Result<u64, StorageError> {
    let due: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::State.eq(ScheduleState::Waiting.code()))
        .filter(Column::Due.lte(now.millis()))
        .order_by_asc(Column::Due)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(tx)
        .await?;
    let mut enqueued = 0;
    for id in due {
        let from = [ScheduleState::Waiting];
        if advance(tx, id, &from, ScheduleState::Queued).await? {
            let kind = JobKind::DeliverScheduled;
            jobs::enqueue(tx, keys, kind, id.to_string().as_bytes(), now).await?;
            enqueued += 1;
        }
    }
    Ok(enqueued)
}

/// Which message a job is about.
pub fn of_job(payload: &[u8]) -> Option<ScheduleId> {
    let id = std::str::from_utf8(payload).ok()?.parse().ok()?;
    ScheduleId::from_i64(id).ok()
}

/// Begins its delivery, or goes on with one that was begun: it cannot be called back after this. `false`: it was.
pub async fn take(conn: &impl ConnectionTrait, id: ScheduleId) -> Result<bool, StorageError> {
    let from = [ScheduleState::Queued, ScheduleState::Delivering];
    advance(conn, id.to_i64(), &from, ScheduleState::Delivering).await
}

async fn advance(
    conn: &impl ConnectionTrait,
    id: i64,
    from: &[ScheduleState],
    to: ScheduleState,
) -> Result<bool, StorageError> {
    let filter =
        || Entity::find_by_id(id).filter(Column::State.is_in(from.iter().map(|s| s.code())));
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(to.code()))
        .filter(Column::Id.eq(id))
        .filter(Column::State.is_in(from.iter().map(|s| s.code())))
        .exec(conn)
        .await?;
    // MySQL counts rows that were changed: one that was there already is not.
    Ok(done.rows_affected == 1 || (from.contains(&to) && filter().count(conn).await? == 1))
}

/// Calls one back; `false`: there is none of that person, or its delivery has begun.
pub async fn cancel(
    conn: &impl ConnectionTrait,
    uid: Uid,
    id: ScheduleId,
) -> Result<bool, StorageError> {
    let early = [ScheduleState::Waiting, ScheduleState::Queued];
    let done = Entity::delete_many()
        .filter(Column::Id.eq(id.to_i64()))
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::State.is_in(early.map(ScheduleState::code)))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Removes one that was delivered or refused; `false`: somebody else has done it.
pub async fn remove(conn: &impl ConnectionTrait, id: ScheduleId) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(id.to_i64()).exec(conn).await?;
    Ok(done.rows_affected == 1)
}

/// Up to `limit` messages whose job came to nothing: due before `before`, and still there.
pub async fn stuck(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<Scheduled>, StorageError> {
    let rows: Vec<Card> = cards()
        .filter(Column::State.ne(ScheduleState::Waiting.code()))
        .filter(Column::Due.lt(before.millis()))
        .limit(limit)
        .into_model()
        .all(conn)
        .await?;
    rows.iter().map(|row| open(keys, row)).collect()
}
