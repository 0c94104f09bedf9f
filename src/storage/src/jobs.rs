//! The durable queue: a job is a row of the transaction that causes it. A worker takes it for a while, its
//! lease; a job whose worker died is taken over when the lease is over. A job that is done has no row.

use melo_crypto::{Keyring, random};
use melo_domain::{JobKind, JobState, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use zeroize::Zeroizing;

use crate::StorageError;
use crate::entity::jobs::{ActiveModel, Column, Entity, Model};
use crate::sealed::RowSeal;

const TABLE: &str = "jobs";

/// A job that a worker has taken. Nobody else has it until the lease is over.
#[derive(Clone)]
pub struct Claim {
    /// Names it towards the outside world.
    pub id: i64,
    /// What it does.
    pub kind: JobKind,
    /// Which attempt this is, from 1. A worker whose job was taken over holds an older number.
    pub attempt: u32,
    /// As enqueued.
    pub payload: Zeroizing<Vec<u8>>,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not begun, or to be tried again.
    pub waiting: u64,
    /// With a worker.
    pub running: u64,
    /// Failed too often.
    pub dead: u64,
}

/// Puts a job into the queue, due at `due`. Returns its id, which names it towards the outside world, so that
/// a second attempt can be told from a second job.
pub async fn enqueue(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    kind: JobKind,
    payload: &[u8],
    due: Timestamp,
) -> Result<i64, StorageError> {
    let id = i64::try_from(random::u64() >> 1).unwrap_or(1);
    let row = ActiveModel {
        id: Set(id),
        kind: Set(kind.code()),
        state: Set(JobState::Waiting.code()),
        attempts: Set(0),
        due: Set(due.millis()),
        payload: Set(RowSeal::new(keys, TABLE, id).bytes("payload", payload)?),
    };
    row.insert(conn).await?;
    Ok(id)
}

/// Takes up to `limit` jobs that are due, the longest due first, until `lease_ends`. A job that was begun
/// `most` times and never ended, one that brings its worker down, is dead instead.
pub async fn claim(
    conn: &impl ConnectionTrait,
    keys: &Keyring,
    now: Timestamp,
    lease_ends: Timestamp,
    most: u32,
    limit: u64,
) -> Result<Vec<Claim>, StorageError> {
    let due = Entity::find()
        .filter(Column::State.is_in([JobState::Waiting.code(), JobState::Running.code()]))
        .filter(Column::Due.lte(now.millis()))
        .order_by_asc(Column::Due)
        .limit(limit)
        .all(conn)
        .await?;
    let mut claims = Vec::with_capacity(due.len());
    for row in due {
        let worn_out = u32::try_from(row.attempts).unwrap_or(u32::MAX) >= most;
        let state = if worn_out {
            JobState::Dead
        } else {
            JobState::Running
        };
        if !take(conn, &row, state, lease_ends).await? || worn_out {
            continue;
        }
        if let Ok(claim) = open(keys, &row) {
            claims.push(claim);
        } else {
            // It will not open next time either, and must not stop the ones after it.
            set_dead(conn, row.id).await?;
        }
    }
    Ok(claims)
}

async fn set_dead(conn: &impl ConnectionTrait, id: i64) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: Set(id),
        state: Set(JobState::Dead.code()),
        ..Default::default()
    };
    row.update(conn).await?;
    Ok(())
}

/// Takes a job as it was read: if anybody changed it meanwhile it is theirs.
async fn take(
    conn: &impl ConnectionTrait,
    row: &Model,
    state: JobState,
    lease_ends: Timestamp,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.code()))
        .col_expr(
            Column::Attempts,
            Expr::value(row.attempts.saturating_add(1)),
        )
        .col_expr(Column::Due, Expr::value(lease_ends.millis()))
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.eq(row.state))
        .filter(Column::Attempts.eq(row.attempts))
        .filter(Column::Due.eq(row.due))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

fn open(keys: &Keyring, row: &Model) -> Result<Claim, StorageError> {
    Ok(Claim {
        id: row.id,
        kind: JobKind::from_code(row.kind)?,
        attempt: u32::try_from(row.attempts).unwrap_or(0).saturating_add(1),
        payload: RowSeal::new(keys, TABLE, row.id).open("payload", &row.payload)?,
    })
}

/// The job is done. `false`: the lease was over and somebody else has it.
pub async fn finish(conn: &impl ConnectionTrait, claim: &Claim) -> Result<bool, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::Id.eq(claim.id))
        .filter(Column::Attempts.eq(attempts(claim)))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Puts the job back until `due`. `false`: somebody else has it.
pub async fn put_back(
    conn: &impl ConnectionTrait,
    claim: &Claim,
    due: Timestamp,
) -> Result<bool, StorageError> {
    let row = ActiveModel {
        state: Set(JobState::Waiting.code()),
        due: Set(due.millis()),
        ..Default::default()
    };
    leave(conn, claim, row).await
}

/// Gives the job up; it stays for the operator to see. `false`: somebody else has it.
pub async fn bury(conn: &impl ConnectionTrait, claim: &Claim) -> Result<bool, StorageError> {
    let row = ActiveModel {
        state: Set(JobState::Dead.code()),
        ..Default::default()
    };
    leave(conn, claim, row).await
}

async fn leave(
    conn: &impl ConnectionTrait,
    claim: &Claim,
    row: ActiveModel,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(claim.id))
        .filter(Column::State.eq(JobState::Running.code()))
        .filter(Column::Attempts.eq(attempts(claim)))
        .exec(conn)
        .await?;
    Ok(done.rows_affected == 1)
}

fn attempts(claim: &Claim) -> i32 {
    i32::try_from(claim.attempt).unwrap_or(i32::MAX)
}

/// How much there is to do.
pub async fn counts(conn: &impl ConnectionTrait) -> Result<Counts, StorageError> {
    let mut counts = Counts::default();
    for state in JobState::ALL {
        let found = Entity::find().filter(Column::State.eq(state.code()));
        let count = found.count(conn).await?;
        match state {
            JobState::Waiting => counts.waiting = count,
            JobState::Running => counts.running = count,
            JobState::Dead => counts.dead = count,
        }
    }
    Ok(counts)
}

/// Forgets dead jobs that came to an end before `before`.
pub async fn sweep_dead(
    conn: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<u64, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::State.eq(JobState::Dead.code()))
        .filter(Column::Due.lt(before.millis()))
        .exec(conn)
        .await?;
    Ok(done.rows_affected)
}
