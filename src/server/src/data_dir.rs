//! The server's own directory: made closed to others, and used by one server at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOCK_FILE: &str = "melo.lock";
/// A server that is on its way out is waited for this often, this long apart.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or written to.
    #[error("the data directory {} cannot be used: {source}. Make it writable or set DATA_DIR", dir.display())]
    Unusable {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server has it.
    #[error(
        "another melo server is using the data directory {}. Stop it, or set DATA_DIR (and HTTP_PORT, WS_PORT) for a second one",
        .0.display()
    )]
    InUse(PathBuf),
}

/// Holds the data directory until dropped; the system lets go of it when the process dies, however it dies.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// Makes the directory with mode 0700 unless it exists.
pub fn prepare(dir: &Path) -> Result<(), DataDirError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| unusable(dir, source))
}

impl DataDirLock {
    /// Takes the directory, waiting up to two seconds for a server that is shutting down.
    pub async fn acquire(dir: &Path) -> Result<Self, DataDirError> {
        Self::try_acquire(dir, ATTEMPTS).await
    }

    /// Takes the directory if nobody else has it.
    pub async fn acquire_if_free(dir: &Path) -> Result<Option<Self>, DataDirError> {
        match Self::try_acquire(dir, 1).await {
            Ok(lock) => Ok(Some(lock)),
            Err(DataDirError::InUse(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn try_acquire(dir: &Path, attempts: u32) -> Result<Self, DataDirError> {
        let file = open(dir, true).map_err(|source| unusable(dir, source))?;
        for _ in 0..attempts {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(source)) => return Err(unusable(dir, source)),
            }
        }
        Err(DataDirError::InUse(dir.to_owned()))
    }
}

/// Whether a server is using this directory now.
pub fn is_in_use(dir: &Path) -> bool {
    open(dir, false)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn open(dir: &Path, make: bool) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(make)
        .create(make)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(LOCK_FILE))
}

fn unusable(dir: &Path, source: io::Error) -> DataDirError {
    DataDirError::Unusable {
        dir: dir.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_server_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("data");
        assert!(!is_in_use(&dir));
        prepare(&dir).unwrap();
        let first = DataDirLock::acquire(&dir).await.unwrap();
        assert!(is_in_use(&dir));
        assert!(matches!(
            DataDirLock::try_acquire(&dir, 1).await,
            Err(DataDirError::InUse(_))
        ));
        drop(first);
        assert!(!is_in_use(&dir));
        assert!(DataDirLock::acquire(&dir).await.is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named_with_its_setting() {
        let text = prepare(Path::new("/proc/melo")).unwrap_err().to_string();
        assert!(
            text.contains("/proc/melo") && text.contains("DATA_DIR"),
            "{text}"
        );
    }
}
