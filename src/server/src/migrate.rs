//! `melo migrate`: the database schema, apart from a start.

use melo_domain::{Clock, SystemClock};
use melo_storage::{Database, StorageError};

use crate::cli::MigrateAction;
use crate::data_dir::{self, DataDirError};
use crate::keys::{self, KeysError};
use crate::settings::{DatabaseUrl, Settings};

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Key material.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database.
    #[error("{database}: {source}")]
    Database {
        /// Which, without its password.
        database: String,
        /// What it said.
        source: StorageError,
    },
}

/// Runs the action and prints what it did. `false`: there is something left to do.
pub async fn run(settings: &Settings, action: MigrateAction) -> Result<bool, MigrateError> {
    let failed = |source| MigrateError::Database {
        database: settings.storage.database.describe(),
        source,
    };
    if let (DatabaseUrl::Sqlite { file }, MigrateAction::Status) =
        (&settings.storage.database, action)
        && !file.exists()
    {
        println!(
            "{} does not exist yet: all migrations are pending.",
            file.display()
        );
        return Ok(false);
    }
    if matches!(action, MigrateAction::Up) {
        data_dir::prepare(&settings.storage.data_dir)?;
        // Before the database: a database without keys would look like one whose keys were lost.
        keys::make_missing(settings, SystemClock.now())?;
    }
    let url = settings.storage.database.connect_url();
    let database = Database::connect(url.expose()).await.map_err(failed)?;
    let pending = database.pending_migrations().await.map_err(failed)?;
    let done = match action {
        MigrateAction::Status => {
            for migration in &pending {
                println!("pending  {migration}");
            }
            pending.is_empty()
        }
        MigrateAction::Up => {
            database.migrate().await.map_err(failed)?;
            for migration in &pending {
                println!("done     {migration}");
            }
            true
        }
    };
    if done {
        println!(
            "{}: the schema is up to date.",
            settings.storage.database.describe()
        );
    }
    database.close().await.map_err(failed)?;
    Ok(done)
}
