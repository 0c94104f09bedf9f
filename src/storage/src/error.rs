//! What can go wrong with durable rows.

use melo_crypto::{OpenError, SealError};
use melo_domain::{InvalidId, UnknownCode};
use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// A failure of the database, or of what it holds. Never shown to a client.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused or could not be reached.
    #[error("database: {0}")]
    Database(#[from] DbErr),
    /// A value could not be sealed.
    #[error("sealing: {0}")]
    Seal(#[from] SealError),
    /// A sealed value does not open: another key, or the row was tampered with.
    #[error("opening {column}: {source}")]
    Open {
        /// `table.column`.
        column: String,
        /// Why.
        source: OpenError,
    },
    /// A row holds what this version never wrote.
    #[error("corrupt {0}")]
    Corrupt(&'static str),
    /// Somebody had this user id, and it is not given out again.
    #[error("the user id belonged to a deleted account")]
    Tombstone,
    /// The database URL is of no kind this server knows.
    #[error("unsupported database URL: {0}")]
    Url(&'static str),
    /// A file or directory of the embedded database.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl StorageError {
    /// Whether a unique index refused the row: somebody else was first, be it somebody who is gone.
    pub fn is_unique_violation(&self) -> bool {
        match self {
            Self::Database(e) => matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))),
            Self::Tombstone => true,
            _ => false,
        }
    }

    /// Whether the database took the transaction back because of others at work (SQLSTATE class 40: deadlock,
    /// serialization failure): the same once more may succeed.
    pub fn is_rolled_back(&self) -> bool {
        let Self::Database(DbErr::Exec(cause) | DbErr::Query(cause)) = self else {
            return false;
        };
        let RuntimeErr::SqlxError(cause) = cause else {
            return false;
        };
        let code = cause
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        code.is_some_and(|code| code.starts_with("40"))
    }
}

impl From<UnknownCode> for StorageError {
    fn from(_: UnknownCode) -> Self {
        Self::Corrupt("enumeration code")
    }
}

impl From<InvalidId> for StorageError {
    fn from(_: InvalidId) -> Self {
        Self::Corrupt("id")
    }
}
