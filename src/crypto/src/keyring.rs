//! The data keys in use, and what is done with them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hmac::Hmac;
use melo_domain::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::blind_index::BlindIndex;
use crate::column::Column;
use crate::data_key::{DataKey, KeyState, KeyUsage, MOST_SEALS, Purpose, WrappedKey};
use crate::mac::mac;
use crate::root_key::RootKey;
use crate::sealing::{self, OpenError, SealError, Sealed};

/// A data key is due for replacement at this age.
const OLDEST: Duration = Duration::from_hours(30 * 24);
/// A data key is due for replacement this many seals before it refuses to make more.
const SEALS_LEFT_WHEN_DUE: u64 = 1 << 24;

/// A keyring could not be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No data key opens under this root key.
    #[error(
        "the root key is not the one that this database's data keys were wrapped with: set \
         ENCRYPTION_KEY_STR (or the root key file) to the key that was in use when the database was \
         made, or restore it from your backup of the keys; nothing was changed"
    )]
    WrongRootKey,
    /// Other data keys open under this root key, so this one was changed or cut short.
    #[error(
        "data key {0} is damaged: its row in data_keys does not open; restore that row from a backup"
    )]
    Damaged(u32),
    /// Nothing to make new values with.
    #[error("there is no current data key for purpose {0:?}")]
    NoCurrent(Purpose),
    /// Two keys with one id, or the id 0 that stands for the root key.
    #[error("data key id {0} is taken")]
    IdTaken(u32),
}

/// The keys at one moment. Replaced as a whole, so that a reader never sees half a rotation.
pub(crate) struct Keys {
    /// Sorted by id.
    all: Vec<Arc<DataKey>>,
    /// By purpose, in the order of [`Purpose::ALL`].
    current: [Arc<DataKey>; 4],
    pub(crate) ephemeral_names: Hmac<Sha256>,
    pseudonyms: Hmac<Sha256>,
}

impl Keys {
    /// `current` holds one key for each purpose, in the order of [`Purpose::ALL`].
    fn new(mut all: Vec<Arc<DataKey>>, current: [Arc<DataKey>; 4]) -> Self {
        all.sort_unstable_by_key(|key| key.id);
        let [_, index, ephemeral, _] = &current;
        // No column is called like these: theirs have a dot.
        let ephemeral_names = ephemeral.subkey(&[b"name"]);
        let pseudonyms = index.subkey(&[b"pseudonym"]);
        Self {
            all,
            current,
            ephemeral_names,
            pseudonyms,
        }
    }

    pub(crate) fn current(&self, purpose: Purpose) -> &DataKey {
        &self.current[purpose.slot()]
    }

    fn find(&self, id: u32) -> Option<&DataKey> {
        let at = self.all.binary_search_by_key(&id, |key| key.id).ok()?;
        self.all.get(at).map(|key| &**key)
    }

    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let key = self.current(purpose);
        key.count_seal()?;
        sealing::seal(&key.cipher, key.id, associated_data, plaintext)
    }

    pub(crate) fn open(
        &self,
        purpose: Purpose,
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let sealed = Sealed::parse(sealed)?;
        let key = self
            .find(sealed.key_id)
            .filter(|key| key.purpose == purpose)
            .ok_or(OpenError::UnknownKey(sealed.key_id))?;
        sealed.open(&key.cipher, associated_data)
    }
}

/// The opened data keys. Shared by all threads; reading takes no lock.
pub struct Keyring {
    keys: ArcSwap<Keys>,
}

impl Keyring {
    /// Opens the data keys of the database. There must be a current one for each of the four purposes;
    /// of several (a rotation was cut off between two writes) the one with the highest id counts.
    pub fn open(root: &RootKey, keys: Vec<WrappedKey>) -> Result<Self, KeyringError> {
        let mut all: Vec<Arc<DataKey>> = Vec::with_capacity(keys.len());
        let mut newest: [Option<Arc<DataKey>>; 4] = [const { None }; 4];
        let mut damaged = None;
        for row in keys {
            if row.id == 0 || all.iter().any(|key| key.id == row.id) {
                return Err(KeyringError::IdTaken(row.id));
            }
            let Ok(opened) = root.unwrap(&row) else {
                damaged = damaged.or(Some(row.id));
                continue;
            };
            let key = Arc::new(DataKey::new(&row, &opened));
            all.push(Arc::clone(&key));
            let newest = &mut newest[row.purpose.slot()];
            let newer = newest.as_ref().is_none_or(|other| other.id < key.id);
            if row.state == KeyState::Current && newer {
                *newest = Some(key);
            }
        }
        match damaged {
            Some(_) if all.is_empty() => return Err(KeyringError::WrongRootKey),
            Some(id) => return Err(KeyringError::Damaged(id)),
            None => {}
        }
        let [column, index, ephemeral, backup] = newest;
        let current = [
            column.ok_or(KeyringError::NoCurrent(Purpose::Column))?,
            index.ok_or(KeyringError::NoCurrent(Purpose::Index))?,
            ephemeral.ok_or(KeyringError::NoCurrent(Purpose::Ephemeral))?,
            backup.ok_or(KeyringError::NoCurrent(Purpose::Backup))?,
        ];
        Ok(Self {
            keys: ArcSwap::from_pointee(Keys::new(all, current)),
        })
    }

    /// Takes a further data key in. A current one takes over its purpose at once, and the one before it
    /// only opens from then on; a retired one only opens.
    pub fn add(&self, root: &RootKey, key: WrappedKey) -> Result<(), KeyringError> {
        let WrappedKey {
            id, purpose, state, ..
        } = key;
        let opened = root.unwrap(&key).map_err(|_| KeyringError::WrongRootKey)?;
        let added = Arc::new(DataKey::new(&key, &opened));
        drop(key);
        let mut taken = false;
        // `rcu` runs again when another thread was first, so nothing of that thread's is lost.
        self.keys.rcu(|keys| {
            taken = id == 0 || keys.find(id).is_some();
            if taken {
                return Arc::clone(keys);
            }
            let mut all = keys.all.clone();
            all.push(Arc::clone(&added));
            let mut current = keys.current.clone();
            if state == KeyState::Current {
                current[purpose.slot()] = Arc::clone(&added);
            }
            Arc::new(Keys::new(all, current))
        });
        if taken {
            Err(KeyringError::IdTaken(id))
        } else {
            Ok(())
        }
    }

    /// Seals a value for one column of one row, under the current column key. The result opens in that
    /// place alone and is [`SEAL_OVERHEAD`](crate::SEAL_OVERHEAD) bytes longer than the value.
    pub fn seal(&self, column: Column, row: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let associated_data = column.associated_data(row);
        self.keys
            .load()
            .seal(Purpose::Column, &associated_data, plaintext)
    }

    /// Opens what [`seal`](Self::seal) made for this column and row, under whichever column key it names.
    pub fn open_sealed(
        &self,
        column: Column,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let associated_data = column.associated_data(row);
        self.keys
            .load()
            .open(Purpose::Column, &associated_data, sealed)
    }

    /// The look-up form of a value in a column: HMAC-SHA-256 under the subkey that HKDF (RFC 5869)
    /// derives from the current index key for `<table>.<column>`. The value must be in the one form that
    /// equal values share: E.164 for a phone, lower case for a username.
    pub fn blind_index(&self, column: Column, normalized: &[u8]) -> BlindIndex {
        let keys = self.keys.load();
        let key = keys.current(Purpose::Index);
        let subkey = key.subkey(&[column.table.as_bytes(), b".", column.column.as_bytes()]);
        BlindIndex::new(key.id, mac(subkey, &[normalized]))
    }

    /// A person in a log: 12 hex digits, the same for the same identifying bytes until the index key
    /// rotates, and no way back to them without it.
    pub fn pseudonym(&self, identifying: &[u8]) -> String {
        let keys = self.keys.load();
        let mac = mac(keys.pseudonyms.clone(), &[identifying]);
        hex::encode(&mac[..6])
    }

    /// How much each data key has been used. The database must learn of it before the process ends:
    /// the count of the next run starts from what was stored.
    pub fn usage(&self) -> Vec<KeyUsage> {
        let keys = self.keys.load();
        let usage = keys.all.iter().map(|key| KeyUsage {
            id: key.id,
            purpose: key.purpose,
            seals: key.seals(),
            created: key.created,
        });
        usage.collect()
    }

    /// The purposes whose current key should be replaced now: 30 days old, or 2^24 seals before its
    /// last. Index keys are not among them, since replacing one means writing every index anew, nor are
    /// backup keys, of which each backup has its own.
    pub fn due(&self, now: Timestamp) -> Vec<Purpose> {
        let keys = self.keys.load();
        let mut purposes = vec![Purpose::Column, Purpose::Ephemeral];
        purposes.retain(|purpose| {
            let key = keys.current(*purpose);
            now.since(key.created) >= OLDEST || key.seals() >= MOST_SEALS - SEALS_LEFT_WHEN_DUE
        });
        purposes
    }

    /// The keys as they are now.
    pub(crate) fn snapshot(&self) -> arc_swap::Guard<Arc<Keys>> {
        self.keys.load()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.load();
        let ids = keys.all.iter().map(|key| (key.id, key.purpose));
        f.debug_map().entries(ids).finish()
    }
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
