//! The key backup: the account's identity key and nothing else, sealed under a passphrase, kept by the server
//! through `/e2e/secret_key`. The associated data is `"melo-backup/1\n" uid`, the sealed bytes are the 32 secret
//! bytes of the Ed25519 key.

use melo_domain::Uid;

use super::identity::SignatureKey;
use super::passphrase::{Kdf, PassphraseError, PassphraseKey, Sealed};

/// The longest backup that is looked at, in bytes.
const MAX_BACKUP: usize = 64 * 1024;

fn aad(uid: Uid) -> String {
    format!("melo-backup/1\n{uid}")
}

/// Seals the identity of `uid`. Slow on purpose: not for async threads.
pub fn seal_identity(
    uid: Uid,
    identity: &SignatureKey,
    passphrase: &str,
    kdf: Kdf,
) -> Result<String, PassphraseError> {
    let sealed = PassphraseKey::derive(passphrase, kdf)?.seal(&aad(uid), &*identity.seed())?;
    serde_json::to_string(&sealed).map_err(|_| PassphraseError::Malformed)
}

/// Opens a backup of `uid`. Slow on purpose: not for async threads.
pub fn open_identity(
    uid: Uid,
    backup: &str,
    passphrase: &str,
) -> Result<SignatureKey, PassphraseError> {
    if backup.len() > MAX_BACKUP {
        return Err(PassphraseError::Malformed);
    }
    let sealed: Sealed = serde_json::from_str(backup).map_err(|_| PassphraseError::Malformed)?;
    let (_, seed) = sealed.open(passphrase, &aad(uid))?;
    let seed = seed
        .as_slice()
        .try_into()
        .map_err(|_| PassphraseError::Malformed)?;
    Ok(SignatureKey::from_seed(seed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::person;
    use super::*;

    #[test]
    fn a_backup_opens_for_its_account_with_its_passphrase() {
        let (uid, identity) = (Uid::from_random(1), person(1).identity);
        let backup = seal_identity(uid, &identity, "rosebud", Kdf::LEAST).unwrap();
        assert_eq!(
            open_identity(uid, &backup, "rosebud").unwrap().public(),
            identity.public()
        );
        assert_eq!(
            open_identity(uid, &backup, "rosebut").err(),
            Some(PassphraseError::Wrong)
        );
        let other = Uid::from_random(2);
        assert_eq!(
            open_identity(other, &backup, "rosebud").err(),
            Some(PassphraseError::Wrong)
        );
    }

    #[test]
    fn huge_backups_are_not_looked_at() {
        let huge = "x".repeat(MAX_BACKUP + 1);
        assert_eq!(
            open_identity(Uid::from_random(1), &huge, "p").err(),
            Some(PassphraseError::Malformed)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_decoder_panic(text in "\\PC{0,200}") {
            prop_assert!(open_identity(Uid::from_random(1), &text, "p").is_err());
        }
    }
}
