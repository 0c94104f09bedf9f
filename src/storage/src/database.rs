//! Connections. The embedded database has one writing connection, which the log writer and the services
//! share in turn, and a few reading ones that never wait for it (write-ahead log).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use melo_crypto::Keyring;
use melo_migrations::Migrator;
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

use crate::StorageError;

/// Readers beside the one writer of the embedded database.
const SQLITE_READERS: u32 = 4;
/// Pool size for a database server.
const SERVER_CONNECTIONS: u32 = 16;
/// The write-ahead log's size, in pages of 4 KiB, at which a commit folds it back by itself. The checkpoint
/// task does it earlier and off the commit path; this only bounds the file when it cannot keep up.
const WAL_LIMIT_PAGES: u32 = 16_384;

/// A connected database.
#[derive(Clone, Debug)]
pub struct Database {
    write: DatabaseConnection,
    read: DatabaseConnection,
}

impl Database {
    /// Connects to `url`: `sqlite://path?mode=rwc`, `mysql://…`, `postgres://…`. A missing SQLite file is made.
    pub async fn connect(url: &str) -> Result<Self, StorageError> {
        if url.starts_with("sqlite:") {
            prepare_sqlite_file(url)?;
            let write = sea_orm::Database::connect(sqlite(url, 1)).await?;
            let read = sea_orm::Database::connect(sqlite(url, SQLITE_READERS)).await?;
            Ok(Self { write, read })
        } else if url.starts_with("mysql:")
            || url.starts_with("postgres:")
            || url.starts_with("postgresql:")
        {
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(SERVER_CONNECTIONS)
                .acquire_timeout(Duration::from_secs(10))
                .sqlx_logging(false);
            let both = sea_orm::Database::connect(options).await?;
            Ok(Self {
                write: both.clone(),
                read: both,
            })
        } else {
            Err(StorageError::Url(
                "must begin with sqlite:, mysql: or postgres:",
            ))
        }
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        Ok(Migrator::up(&self.write, None).await?)
    }

    /// Takes the whole schema away again, for the test that each migration is reversible.
    pub async fn unmigrate(&self) -> Result<(), StorageError> {
        Ok(Migrator::down(&self.write, None).await?)
    }

    /// Names of the migrations that `migrate` would run.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StorageError> {
        let pending = Migrator::get_pending_migrations(&self.write).await?;
        Ok(pending.iter().map(|m| m.name().to_owned()).collect())
    }

    /// Counts every statement from now on, for tests that a call costs the same number whatever it finds.
    pub fn count_statements(&mut self, counter: &Arc<AtomicU64>) {
        for connection in [&mut self.write, &mut self.read] {
            let counter = Arc::clone(counter);
            connection.set_metric_callback(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
            });
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.read.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// The connection for statements that change rows.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// The connection for statements that only read.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Opens a transaction. The service that opens it commits it. The embedded database gives it the right to
    /// write at once: one that reads first and writes later would fail when a command on the command line has
    /// written in between, instead of waiting for it. MySQL and MariaDB, left to themselves, lock the gap around a
    /// row that is not there, and two people who replace nothing would end in a deadlock: they are told to do as
    /// PostgreSQL does.
    pub async fn begin(&self) -> Result<DatabaseTransaction, StorageError> {
        let is_mysql = self.write.get_database_backend() == DatabaseBackend::MySql;
        let options = TransactionOptions {
            isolation_level: is_mysql.then_some(IsolationLevel::ReadCommitted),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        Ok(self.write.begin_with_options(options).await?)
    }

    /// Folds the write-ahead log back into the database file as far as readers allow, without stopping
    /// writers (SQLite PASSIVE checkpoint). Nothing to do on a database server.
    pub async fn checkpoint(&self) -> Result<(), StorageError> {
        if self.read.get_database_backend() == DatabaseBackend::Sqlite {
            self.read
                .execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)")
                .await?;
        }
        Ok(())
    }

    /// Closes all connections, so that the files are whole.
    pub async fn close(self) -> Result<(), StorageError> {
        self.read.close().await?;
        Ok(self.write.close().await?)
    }
}

/// A database together with the keys that open it.
#[derive(Clone)]
pub struct Store {
    /// Connections.
    pub db: Database,
    /// Keys.
    pub keys: Arc<Keyring>,
}

fn sqlite(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(10))
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", WAL_LIMIT_PAGES.to_string())
                .pragma("journal_size_limit", "67108864")
                .pragma("cache_size", "-8192")
                .pragma("temp_store", "MEMORY")
                .pragma("secure_delete", "ON")
        });
    options
}

/// Makes the file before SQLite does, so that it is never readable by others; the `-wal` and `-shm` files
/// take its mode.
fn prepare_sqlite_file(url: &str) -> Result<(), StorageError> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    let path = path.split('?').next().unwrap_or(path);
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(StorageError::Url("the embedded database needs a file"));
    }
    let refuse = |source| StorageError::File {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = Path::new(path)
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
    {
        std::fs::create_dir_all(parent).map_err(refuse)?;
    }
    let mut open = std::fs::OpenOptions::new();
    open.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    open.open(path).map(drop).map_err(refuse)
}
