//! The use cases without a server around them, for commands that work on the database themselves.

use std::sync::Arc;

use melo_domain::SystemClock;
use melo_services::Core;
use melo_storage::{Database, StorageError, Store};
use tokio::task::JoinHandle;

use crate::data_dir::{self, DataDirError, DataDirLock};
use crate::keys::{self, KeysError};
use crate::settings::{Settings, TurnMode};
use crate::wiring::{self, Assembly, WiringError};

/// Why the database cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Key material.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Database, keys, services.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// The running server is of another version.
    #[error(
        "the running server has not brought the database schema up to this program's version; restart it first"
    )]
    ServerOutdated,
}

impl From<StorageError> for OfflineError {
    fn from(error: StorageError) -> Self {
        Self::Wiring(error.into())
    }
}

/// The use cases on an open database.
pub struct Offline {
    /// The use cases.
    pub core: Arc<Core>,
    store: Store,
    writer: JoinHandle<()>,
    // Held to the end, if no server has it.
    _held: Option<DataDirLock>,
}

impl Offline {
    /// Opens the database. With nobody else at it, missing keys are made and the schema is brought up to date, as
    /// at a start of the server. Beside a running server nothing of that kind is touched: the database lets the
    /// two write in turn, and the server keeps no roles, states or factors in memory.
    pub async fn open(settings: &Settings) -> Result<Self, OfflineError> {
        data_dir::prepare(&settings.storage.data_dir)?;
        let held = DataDirLock::acquire_if_free(&settings.storage.data_dir).await?;
        if held.is_some() {
            keys::make_missing(settings, melo_domain::Clock::now(&SystemClock))?;
        } else {
            let url = settings.storage.database.connect_url();
            let database = Database::connect(url.expose()).await?;
            let pending = database.pending_migrations().await?;
            database.close().await?;
            if !pending.is_empty() {
                return Err(OfflineError::ServerOutdated);
            }
        }
        let keys = keys::load(settings)?;
        let Assembly {
            state,
            writer,
            store,
            ..
        } = wiring::assemble(settings, keys, &TurnMode::Off, Arc::new(SystemClock)).await?;
        Ok(Self {
            core: Arc::clone(&state.core),
            store,
            writer,
            _held: held,
        })
    }

    /// Closes the database, so that its files are whole.
    pub async fn close(self) -> Result<(), OfflineError> {
        drop(self.core);
        // Ends with the core; nothing was queued.
        let _ = self.writer.await;
        Ok(self.store.db.close().await?)
    }
}
