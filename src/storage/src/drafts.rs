//! What a person has begun to write: one draft for each conversation, the latest.

use melo_crypto::Keyring;
use melo_domain::{LogId, Timestamp, Uid};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Set,
};
use serde::{Deserialize, Serialize};

use crate::StorageError;
use crate::entity::drafts::{ActiveModel, Column, Entity};
use crate::scheduled::Addressee;
use crate::sealed::RowSeal;

const TABLE: &str = "drafts";

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The conversation.
    pub log: LogId,
    /// With whom.
    pub to: Addressee,
    /// JSON text, as the client wrote it.
    pub payload: String,
    /// When it was written.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Body {
    to: Addressee,
    at: i64,
    payload: String,
}

fn seal(keys: &Keyring, uid: Uid, log: LogId) -> RowSeal<'_> {
    RowSeal::new(keys, TABLE, format!("{}:{log}", uid.to_i64()))
}

/// Writes a draft over the one there was.
pub async fn put(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    draft: &Draft,
) -> Result<(), StorageError> {
    let body = Body {
        to: draft.to,
        at: draft.at.millis(),
        payload: draft.payload.clone(),
    };
    let body = serde_json::to_vec(&body).map_err(|_| StorageError::Corrupt("draft"))?;
    let row = ActiveModel {
        uid: Set(uid.to_i64()),
        log: Set(draft.log.to_i64()),
        body: Set(seal(keys, uid, draft.log).bytes("body", &body)?),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::Uid, Column::Log])
                .update_column(Column::Body)
                .to_owned(),
        )
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

/// Takes a draft away, if there is one.
pub async fn remove(conn: &impl ConnectionTrait, uid: Uid, log: LogId) -> Result<(), StorageError> {
    Entity::delete_by_id((uid.to_i64(), log.to_i64()))
        .exec(conn)
        .await?;
    Ok(())
}

/// In how many conversations other than `log` a person has a draft.
pub async fn count_others(
    conn: &impl ConnectionTrait,
    uid: Uid,
    log: LogId,
) -> Result<u64, StorageError> {
    let others = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .filter(Column::Log.ne(log.to_i64()));
    Ok(others.count(conn).await?)
}

/// All drafts of a person.
pub async fn of_person(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
) -> Result<Vec<Draft>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Uid.eq(uid.to_i64()))
        .order_by_asc(Column::Log)
        .all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let log = LogId::from_i64(row.log)?;
            let plain = seal(keys, uid, log).open("body", &row.body)?;
            let body: Body =
                serde_json::from_slice(&plain).map_err(|_| StorageError::Corrupt("draft"))?;
            Ok(Draft {
                log,
                to: body.to,
                payload: body.payload,
                at: Timestamp::from_millis(body.at),
            })
        })
        .collect()
}
