//! How much there is of everything.

use melo_domain::{AccountState, JobState, SessionKind};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, Statement,
};

use crate::StorageError;
use crate::entity::{devices, events, jobs, sessions, users};

/// Counts, at about one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Accounts in each state.
    pub users: Vec<(AccountState, u64)>,
    /// Live sessions of each kind.
    pub sessions: Vec<(SessionKind, u64)>,
    /// Devices of everybody.
    pub devices: u64,
    /// Events of all logs: messages and notices.
    pub events: u64,
    /// Queued jobs in each state.
    pub jobs: Vec<(JobState, u64)>,
    /// Bytes the database takes up, as it says itself.
    pub database_bytes: u64,
}

/// Counts everything: seven queries, of which the one over the events walks an index from end to end.
pub async fn figures(conn: &impl ConnectionTrait) -> Result<Figures, StorageError> {
    let by_state = users::Entity::find()
        .select_only()
        .column(users::Column::State)
        .column_as(users::Column::Uid.count(), "many")
        .group_by(users::Column::State)
        .into_tuple()
        .all(conn)
        .await?;
    let by_kind = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Kind)
        .column_as(sessions::Column::Id.count(), "many")
        .filter(sessions::Column::Active.eq(true))
        .group_by(sessions::Column::Kind)
        .into_tuple()
        .all(conn)
        .await?;
    let by_job_state = jobs::Entity::find()
        .select_only()
        .column(jobs::Column::State)
        .column_as(jobs::Column::Id.count(), "many")
        .group_by(jobs::Column::State)
        .into_tuple()
        .all(conn)
        .await?;
    // Not the rows with their bodies: the smallest index has one entry for each as well.
    let events: Option<i64> = events::Entity::find()
        .select_only()
        .column_as(Expr::val(1).count(), "many")
        .into_tuple()
        .one(conn)
        .await?;
    Ok(Figures {
        users: by(AccountState::ALL, AccountState::code, &by_state),
        sessions: by(SessionKind::ALL, SessionKind::code, &by_kind),
        devices: devices::Entity::find().count(conn).await?,
        events: whole(events.unwrap_or(0)),
        jobs: by(JobState::ALL, JobState::code, &by_job_state),
        database_bytes: database_bytes(conn).await?,
    })
}

/// Every variant with its count, also those of which there are none.
fn by<T: Copy>(all: &[T], code: fn(T) -> i16, counted: &[(i16, i64)]) -> Vec<(T, u64)> {
    all.iter()
        .map(|one| {
            let found = counted.iter().find(|(found, _)| *found == code(*one));
            (*one, found.map_or(0, |(_, many)| whole(*many)))
        })
        .collect()
}

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

async fn database_bytes(conn: &impl ConnectionTrait) -> Result<u64, StorageError> {
    let backend = conn.get_database_backend();
    let sql = match backend {
        DatabaseBackend::MySql => {
            "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS SIGNED) AS bytes \
             FROM information_schema.tables WHERE table_schema = DATABASE()"
        }
        DatabaseBackend::Postgres => "SELECT pg_database_size(current_database()) AS bytes",
        _ => "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
    };
    let row = conn
        .query_one_raw(Statement::from_string(backend, sql))
        .await?;
    let bytes: i64 = row.map_or(Ok(0), |row| row.try_get("", "bytes"))?;
    Ok(whole(bytes))
}
