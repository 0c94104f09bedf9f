//! The key store: everything a device must remember, in one file sealed under a passphrase.

mod chats;
mod outgoing;
mod received;
mod state;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::crypto::passphrase::{Kdf, PassphraseError, PassphraseKey, Sealed};

pub use chats::{ChatKind, KnownChat, NewKey, Role};
pub use outgoing::{Act, Outgoing, Target};
pub use received::ReceivedIds;
#[cfg(test)]
pub(crate) use state::tests::sample;
pub use state::{
    Account, IncomingRequest, KnownContact, KnownDevice, Person, Server, State, StoredKeys, Tokens,
};

/// Ties a sealed file to its purpose.
const AAD: &str = "melo-keystore/1";
/// The longest file that is looked at, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// Why the key store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// There is none.
    #[error("there is no key store at {0}")]
    Missing(PathBuf),
    /// There is one already.
    #[error("there is a key store at {0} already")]
    Exists(PathBuf),
    /// Another process uses it.
    #[error("another program is using the key store at {0}")]
    Busy(PathBuf),
    /// The passphrase does not open it.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// What was opened is not what this version writes.
    #[error("the key store at {0} was written by another version")]
    Content(PathBuf),
    /// The file system refused.
    #[error("the key store at {path} cannot be read or written: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The file of an opened key store, and the key that seals it. Holds a lock on the file until dropped.
#[derive(Debug)]
pub struct Vault {
    path: PathBuf,
    key: PassphraseKey,
    _lock: File,
}

impl Vault {
    /// Whether there is a key store at `path`.
    pub fn exists(path: &Path) -> bool {
        path.exists()
    }

    /// Makes a new key store; refuses when there is one. Slow on purpose: not for async threads.
    pub fn create(
        path: &Path,
        passphrase: &str,
        kdf: Kdf,
        state: &State,
    ) -> Result<Self, KeystoreError> {
        let lock = lock(path)?;
        if path.exists() {
            return Err(KeystoreError::Exists(path.to_owned()));
        }
        let key = PassphraseKey::derive(passphrase, kdf)?;
        let vault = Self {
            path: path.to_owned(),
            key,
            _lock: lock,
        };
        vault.save(state)?;
        Ok(vault)
    }

    /// Opens the key store. Slow on purpose: not for async threads.
    pub fn open(path: &Path, passphrase: &str) -> Result<(Self, State), KeystoreError> {
        if !path.exists() {
            return Err(KeystoreError::Missing(path.to_owned()));
        }
        let lock = lock(path)?;
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(|error| KeystoreError::Io {
                path: path.to_owned(),
                error,
            })?;
        let sealed: Sealed = serde_json::from_str(&text).map_err(|_| PassphraseError::Malformed)?;
        let (key, plain) = sealed.open(passphrase, AAD)?;
        let state =
            serde_json::from_slice(&plain).map_err(|_| KeystoreError::Content(path.to_owned()))?;
        Ok((
            Self {
                path: path.to_owned(),
                key,
                _lock: lock,
            },
            state,
        ))
    }

    /// Seals `state`: what [`Self::write`] takes.
    pub fn seal(&self, state: &State) -> Result<Vec<u8>, KeystoreError> {
        let unreadable = |_| KeystoreError::Content(self.path.clone());
        let plain = Zeroizing::new(serde_json::to_vec(state).map_err(unreadable)?);
        serde_json::to_vec(&self.key.seal(AAD, &plain)?).map_err(unreadable)
    }

    /// Replaces the file as a whole: a crash leaves the old one or the new one. On disk when it returns.
    pub fn write(&self, sealed: &[u8]) -> Result<(), KeystoreError> {
        write_atomically(&self.path, sealed).map_err(|error| KeystoreError::Io {
            path: self.path.clone(),
            error,
        })
    }

    /// Seals and writes.
    pub fn save(&self, state: &State) -> Result<(), KeystoreError> {
        self.write(&self.seal(state)?)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The directory `path` lies in.
fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn lock(path: &Path) -> Result<File, KeystoreError> {
    let io = |error| KeystoreError::Io {
        path: path.to_owned(),
        error,
    };
    create_directory(parent(path)).map_err(io)?;
    let file = options()
        .truncate(false)
        .open(path.with_extension("lock"))
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(KeystoreError::Busy(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = options().truncate(true).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    // The rename itself is on disk only once the directory is.
    #[cfg(unix)]
    File::open(parent(path))?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_error(path: &Path, passphrase: &str) -> KeystoreError {
        Vault::open(path, passphrase).unwrap_err()
    }

    #[test]
    fn it_opens_with_its_passphrase_and_shows_nothing_without() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("profile").join("keystore.melo");
        assert!(matches!(open_error(&path, "p"), KeystoreError::Missing(_)));
        let mut state = state::tests::sample();
        let vault = Vault::create(&path, "open sesame", Kdf::LEAST, &state).unwrap();
        state.account.nickname = "Zarathustra".to_owned();
        vault.save(&state).unwrap();
        assert!(matches!(
            open_error(&path, "open sesame"),
            KeystoreError::Busy(_)
        ));
        drop(vault);
        assert!(matches!(
            open_error(&path, "wrong"),
            KeystoreError::Passphrase(PassphraseError::Wrong)
        ));
        let (_vault, opened) = Vault::open(&path, "open sesame").unwrap();
        assert_eq!(opened.account.nickname, "Zarathustra");
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(11).any(|w| w == b"Zarathustra"));
    }

    #[test]
    fn an_existing_one_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.melo");
        drop(Vault::create(&path, "p", Kdf::LEAST, &state::tests::sample()).unwrap());
        let again = Vault::create(&path, "p", Kdf::LEAST, &state::tests::sample());
        assert!(matches!(again, Err(KeystoreError::Exists(_))));
    }

    #[test]
    fn damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keystore.melo");
        drop(Vault::create(&path, "p", Kdf::LEAST, &state::tests::sample()).unwrap());
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert!(matches!(
            open_error(&path, "p"),
            KeystoreError::Passphrase(PassphraseError::Malformed)
        ));
        let text = String::from_utf8(good).unwrap();
        std::fs::write(
            &path,
            text.replacen("\"ciphertext\":\"", "\"ciphertext\":\"AAAA", 1),
        )
        .unwrap();
        assert!(matches!(
            open_error(&path, "p"),
            KeystoreError::Passphrase(PassphraseError::Wrong)
        ));
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a").join("keystore.melo");
        let _vault = Vault::create(&path, "p", Kdf::LEAST, &state::tests::sample()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}
