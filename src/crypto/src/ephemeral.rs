//! Short-lived entries outside the database: Redis and the like see sealed values under keyed names.

use zeroize::Zeroizing;

use crate::data_key::Purpose;
use crate::keyring::Keyring;
use crate::mac::mac;
use crate::sealing::{OpenError, SealError};

impl Keyring {
    /// Seals the value of an entry or the payload of a channel, under the current ephemeral key. It opens
    /// under the same `name` alone.
    pub fn seal_ephemeral(&self, name: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        self.snapshot()
            .seal(Purpose::Ephemeral, &associated_data(name), plaintext)
    }

    /// Opens what [`seal_ephemeral`](Self::seal_ephemeral) made under this name.
    pub fn open_ephemeral(
        &self,
        name: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.snapshot()
            .open(Purpose::Ephemeral, &associated_data(name), sealed)
    }

    /// The name of an entry or a channel: `kind`, a colon, and 32 hex digits of HMAC-SHA-256 in place of
    /// whom or what it is about. Changes with the ephemeral key: entries under the old name run out.
    pub fn ephemeral_name(&self, kind: &str, identifying: &[u8]) -> String {
        let key = self.snapshot().ephemeral_names.clone();
        // The length keeps kind and identifying part from running into each other.
        let length = u64::try_from(kind.len()).unwrap_or(u64::MAX).to_be_bytes();
        let mac = mac(key, &[&length, kind.as_bytes(), identifying]);
        format!("{kind}:{}", hex::encode(&mac[..16]))
    }
}

fn associated_data(name: &str) -> Vec<u8> {
    [b"ephemeral\0", name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use melo_domain::Timestamp;

    use super::*;
    use crate::{Column, RootKey};

    fn keyring() -> (RootKey, Keyring) {
        let root = RootKey::generate();
        let keys = (1..).zip(Purpose::ALL);
        let keys = keys.map(|(id, purpose)| root.wrap_new(id, purpose, Timestamp::from_millis(0)));
        let keyring = Keyring::open(&root, keys.collect()).unwrap();
        (root, keyring)
    }

    #[test]
    fn an_entry_opens_under_its_own_name() {
        let (_, keyring) = keyring();
        let sealed = keyring.seal_ephemeral("presence:1", b"online").unwrap();
        assert_eq!(
            keyring
                .open_ephemeral("presence:1", &sealed)
                .unwrap()
                .as_slice(),
            b"online"
        );
        assert_eq!(
            keyring.open_ephemeral("presence:2", &sealed),
            Err(OpenError::Tampered)
        );
        assert_eq!(
            keyring.open_ephemeral("presence:1", b""),
            Err(OpenError::Truncated)
        );
    }

    #[test]
    fn entries_and_columns_do_not_open_each_other() {
        const COLUMN: Column = Column::new("ephemeral", "x");
        let (_, keyring) = keyring();
        let entry = keyring.seal_ephemeral("x", b"v").unwrap();
        assert_eq!(
            keyring.open_sealed(COLUMN, b"x", &entry),
            Err(OpenError::UnknownKey(3))
        );
        let value = keyring.seal(COLUMN, b"x", b"v").unwrap();
        assert_eq!(
            keyring.open_ephemeral("x", &value),
            Err(OpenError::UnknownKey(1))
        );
    }

    #[test]
    fn names_say_the_kind_and_hide_the_rest() {
        let (_, keyring) = keyring();
        let name = keyring.ephemeral_name("limit", b"+79991234567");
        assert!(name.starts_with("limit:") && name.len() == 6 + 32, "{name}");
        assert!(!name.contains("999"), "{name}");
        assert_eq!(name, keyring.ephemeral_name("limit", b"+79991234567"));
        assert_ne!(name, keyring.ephemeral_name("limit", b"+79991234568"));
        // Another kind is another keyed hash, and the border between the two parts counts.
        let hash =
            |kind: &str, id: &[u8]| keyring.ephemeral_name(kind, id)[kind.len()..].to_owned();
        assert_ne!(hash("a", b"bc"), hash("ab", b"c"));
        assert_ne!(hash("a", b"x"), hash("b", b"x"));
    }

    #[test]
    fn a_new_key_gives_new_names_and_still_opens_old_entries() {
        let (root, keyring) = keyring();
        let (name, sealed) = (
            keyring.ephemeral_name("k", b"1"),
            keyring.seal_ephemeral("k", b"v"),
        );
        let new = root.wrap_new(9, Purpose::Ephemeral, Timestamp::from_millis(0));
        keyring.add(&root, new).unwrap();
        assert_ne!(keyring.ephemeral_name("k", b"1"), name);
        assert_eq!(
            keyring
                .open_ephemeral("k", &sealed.unwrap())
                .unwrap()
                .as_slice(),
            b"v"
        );
    }
}
