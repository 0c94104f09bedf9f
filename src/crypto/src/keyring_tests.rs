use std::collections::HashSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const PHONE: Column = Column::new("users", "phone");
const NAME: Column = Column::new("users", "name");
const DEVICE_NAME: Column = Column::new("devices", "name");
const START: Timestamp = Timestamp::from_millis(1_000_000);

fn keys(root: &RootKey) -> Vec<WrappedKey> {
    let purposes = (1..).zip(Purpose::ALL);
    purposes
        .map(|(id, purpose)| root.wrap_new(id, purpose, START))
        .collect()
}

fn keyring() -> (RootKey, Keyring) {
    let root = RootKey::generate();
    let keyring = Keyring::open(&root, keys(&root)).unwrap();
    (root, keyring)
}

/// A keyring whose column key has made so many seals.
fn used(seals: u64) -> Keyring {
    let root = RootKey::generate();
    let mut keys = keys(&root);
    keys[0].seals = seals;
    Keyring::open(&root, keys).unwrap()
}

#[test]
fn a_value_opens_in_its_own_place_alone() {
    let (_, keyring) = keyring();
    let sealed = keyring.seal(PHONE, b"7", b"+79991234567").unwrap();
    assert_eq!(
        keyring
            .open_sealed(PHONE, b"7", &sealed)
            .unwrap()
            .as_slice(),
        b"+79991234567"
    );
    for (column, row) in [(NAME, b"7"), (DEVICE_NAME, b"7"), (PHONE, b"8")] {
        assert_eq!(
            keyring.open_sealed(column, row, &sealed),
            Err(OpenError::Tampered)
        );
    }
    assert_eq!(
        keyring.open_sealed(PHONE, b"", &sealed),
        Err(OpenError::Tampered)
    );
}

#[test]
fn another_keyring_with_the_same_ids_opens_nothing() {
    let sealed = keyring().1.seal(PHONE, b"7", b"x").unwrap();
    assert_eq!(
        keyring().1.open_sealed(PHONE, b"7", &sealed),
        Err(OpenError::Tampered)
    );
}

#[test]
fn keys_of_other_purposes_and_unknown_ids_are_named() {
    let (_, keyring) = keyring();
    let mut sealed = keyring.seal(PHONE, b"7", b"x").unwrap();
    for id in [0, 2, 3, 4, 5, u32::MAX] {
        sealed[1..5].copy_from_slice(&id.to_be_bytes());
        assert_eq!(
            keyring.open_sealed(PHONE, b"7", &sealed),
            Err(OpenError::UnknownKey(id))
        );
    }
}

#[test]
fn the_wrong_root_key_is_said_to_be_wrong() {
    let root = RootKey::generate();
    let error = Keyring::open(&RootKey::generate(), keys(&root)).unwrap_err();
    assert_eq!(error, KeyringError::WrongRootKey);
    assert!(error.to_string().contains("ENCRYPTION_KEY_STR"), "{error}");
}

#[test]
fn a_damaged_key_is_named() {
    let root = RootKey::generate();
    for damage in [
        |w: &mut Vec<u8>| w[20] ^= 1,
        |w: &mut Vec<u8>| w.truncate(10),
        Vec::clear,
    ] {
        let mut keys = keys(&root);
        damage(&mut keys[2].wrapped);
        assert_eq!(
            Keyring::open(&root, keys).unwrap_err(),
            KeyringError::Damaged(3)
        );
    }
}

#[test]
fn every_purpose_needs_a_current_key() {
    let root = RootKey::generate();
    for (at, purpose) in Purpose::ALL.into_iter().enumerate() {
        let mut missing = keys(&root);
        missing.remove(at);
        assert_eq!(
            Keyring::open(&root, missing).unwrap_err(),
            KeyringError::NoCurrent(purpose)
        );
        let mut retired = keys(&root);
        retired[at].state = KeyState::Retired;
        assert_eq!(
            Keyring::open(&root, retired).unwrap_err(),
            KeyringError::NoCurrent(purpose)
        );
    }
    let none = Keyring::open(&root, Vec::new()).unwrap_err();
    assert_eq!(none, KeyringError::NoCurrent(Purpose::Column));
}

#[test]
fn ids_are_taken_once_and_zero_is_the_root_keys() {
    let root = RootKey::generate();
    for id in [0, 1] {
        let mut keys = keys(&root);
        keys.push(root.wrap_new(id, Purpose::Column, START));
        assert_eq!(
            Keyring::open(&root, keys).unwrap_err(),
            KeyringError::IdTaken(id)
        );
        let keyring = Keyring::open(&root, self::keys(&root)).unwrap();
        let again = root.wrap_new(id, Purpose::Column, START);
        assert_eq!(keyring.add(&root, again), Err(KeyringError::IdTaken(id)));
    }
}

#[test]
fn a_rotation_cut_off_half_way_leaves_the_newest_key_current() {
    let root = RootKey::generate();
    let mut keys = keys(&root);
    keys.insert(0, root.wrap_new(9, Purpose::Column, START));
    let keyring = Keyring::open(&root, keys).unwrap();
    let sealed = keyring.seal(PHONE, b"7", b"x").unwrap();
    assert_eq!(sealed[1..5], 9_u32.to_be_bytes());
}

#[test]
fn an_added_key_takes_over_and_the_old_one_still_opens() {
    let (root, keyring) = keyring();
    let before = keyring.seal(PHONE, b"7", b"old").unwrap();
    keyring
        .add(&root, root.wrap_new(5, Purpose::Column, START))
        .unwrap();
    let after = keyring.seal(PHONE, b"7", b"new").unwrap();
    assert_eq!(after[1..5], 5_u32.to_be_bytes());
    assert_eq!(
        keyring
            .open_sealed(PHONE, b"7", &before)
            .unwrap()
            .as_slice(),
        b"old"
    );
    assert_eq!(
        keyring.open_sealed(PHONE, b"7", &after).unwrap().as_slice(),
        b"new"
    );
}

#[test]
fn an_added_retired_key_only_opens() {
    let (root, keyring) = keyring();
    let mut old = root.wrap_new(5, Purpose::Column, START);
    old.state = KeyState::Retired;
    keyring.add(&root, old).unwrap();
    assert_eq!(
        keyring.seal(PHONE, b"7", b"x").unwrap()[1..5],
        1_u32.to_be_bytes()
    );
    assert_eq!(keyring.usage().len(), 5);
}

#[test]
fn a_key_wrapped_by_another_root_key_is_not_added() {
    let (_, keyring) = keyring();
    let other = RootKey::generate();
    let key = other.wrap_new(5, Purpose::Column, START);
    let root = RootKey::generate();
    assert_eq!(keyring.add(&root, key), Err(KeyringError::WrongRootKey));
    assert_eq!(keyring.usage().len(), 4);
}

#[test]
fn threads_that_add_at_once_lose_no_key() {
    let (root, keyring) = keyring();
    std::thread::scope(|scope| {
        for id in 10..20 {
            let (root, keyring) = (&root, &keyring);
            scope.spawn(move || {
                keyring
                    .add(root, root.wrap_new(id, Purpose::Column, START))
                    .unwrap();
            });
        }
    });
    let ids: Vec<_> = keyring.usage().iter().map(|usage| usage.id).collect();
    assert_eq!(
        ids,
        [1, 2, 3, 4].into_iter().chain(10..20).collect::<Vec<_>>()
    );
}

#[test]
fn blind_indexes_are_equal_for_equal_values_of_one_column_alone() {
    let (root, keyring) = keyring();
    let index = keyring.blind_index(PHONE, b"+79991234567");
    assert_eq!(index, keyring.blind_index(PHONE, b"+79991234567"));
    assert_ne!(index, keyring.blind_index(PHONE, b"+79991234568"));
    assert_ne!(index, keyring.blind_index(NAME, b"+79991234567"));
    assert_ne!(
        keyring.blind_index(NAME, b"x"),
        keyring.blind_index(DEVICE_NAME, b"x")
    );
    assert_eq!(index.key_id(), 2);
    keyring
        .add(&root, root.wrap_new(5, Purpose::Index, START))
        .unwrap();
    assert_eq!(keyring.blind_index(PHONE, b"+79991234567").key_id(), 5);
}

#[test]
fn blind_indexes_outlive_the_process() {
    let root = RootKey::generate();
    let keys = keys(&root);
    let before = Keyring::open(&root, keys.clone())
        .unwrap()
        .blind_index(PHONE, b"x");
    let after = Keyring::open(&root, keys).unwrap().blind_index(PHONE, b"x");
    assert_eq!(before, after);
}

#[test]
fn pseudonyms_are_short_steady_and_keyed() {
    let (_, keyring) = keyring();
    let name = keyring.pseudonym(b"10000001");
    assert!(
        name.len() == 12 && name.bytes().all(|b| b.is_ascii_hexdigit()),
        "{name}"
    );
    assert_eq!(name, keyring.pseudonym(b"10000001"));
    assert_ne!(name, keyring.pseudonym(b"10000002"));
    assert_ne!(name, self::keyring().1.pseudonym(b"10000001"));
}

#[test]
fn seals_are_counted_from_the_stored_count() {
    let keyring = used(40);
    for _ in 0..2 {
        keyring.seal(PHONE, b"7", b"x").unwrap();
    }
    keyring.seal_ephemeral("n", b"x").unwrap();
    let seals: Vec<_> = keyring.usage().iter().map(|usage| usage.seals).collect();
    assert_eq!(seals, [42, 0, 1, 0]);
}

#[test]
fn an_exhausted_key_seals_no_more_and_still_opens() {
    let keyring = used(MOST_SEALS - 1);
    let last = keyring.seal(PHONE, b"7", b"x").unwrap();
    for _ in 0..3 {
        assert_eq!(
            keyring.seal(PHONE, b"7", b"x"),
            Err(SealError::Exhausted(1))
        );
    }
    assert_eq!(keyring.usage()[0].seals, MOST_SEALS);
    assert!(keyring.open_sealed(PHONE, b"7", &last).is_ok());
    assert_eq!(
        used(u64::MAX).seal(PHONE, b"7", b"x"),
        Err(SealError::Exhausted(1))
    );
}

#[test]
fn keys_are_due_by_age_or_by_use() {
    let (root, keyring) = keyring();
    let day = Duration::from_hours(24);
    assert_eq!(keyring.due(START), []);
    assert_eq!(
        keyring.due(Timestamp::from_millis(START.plus(day * 30).millis() - 1)),
        []
    );
    let later = START.plus(day * 30);
    assert_eq!(keyring.due(later), [Purpose::Column, Purpose::Ephemeral]);
    keyring
        .add(&root, root.wrap_new(5, Purpose::Column, later))
        .unwrap();
    assert_eq!(keyring.due(later), [Purpose::Ephemeral]);

    assert_eq!(used((1 << 32) - (1 << 24) - 1).due(START), []);
    assert_eq!(used((1 << 32) - (1 << 24)).due(START), [Purpose::Column]);
}

#[test]
fn debug_shows_ids_and_purposes_alone() {
    assert_eq!(
        format!("{:?}", keyring().1),
        "{1: Column, 2: Index, 3: Ephemeral, 4: Backup}"
    );
}

#[test]
fn nonces_do_not_repeat() {
    let (_, keyring) = keyring();
    let nonces: HashSet<Vec<u8>> = (0..1000)
        .map(|_| keyring.seal(PHONE, b"7", b"x").unwrap()[5..17].to_vec())
        .collect();
    assert_eq!(nonces.len(), 1000);
}

static SHARED: LazyLock<Keyring> = LazyLock::new(|| keyring().1);

proptest! {
    #[test]
    fn what_is_sealed_opens(row in any::<Vec<u8>>(), value in any::<Vec<u8>>()) {
        let sealed = SHARED.seal(PHONE, &row, &value).unwrap();
        prop_assert_eq!(sealed.len(), value.len() + sealing::SEAL_OVERHEAD);
        let opened = SHARED.open_sealed(PHONE, &row, &sealed).unwrap();
        prop_assert_eq!(&*opened, &value);
    }

    #[test]
    fn any_flipped_bit_is_refused_by_name(value in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut sealed = SHARED.seal(PHONE, b"7", &value).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1_u8 << bit;
        let error = SHARED.open_sealed(PHONE, b"7", &sealed).unwrap_err();
        let expected = match (at, &sealed[..]) {
            (0, [version, ..]) => OpenError::UnknownVersion(*version),
            (1..5, [_, a, b, c, d, ..]) => OpenError::UnknownKey(u32::from_be_bytes([*a, *b, *c, *d])),
            _ => OpenError::Tampered,
        };
        prop_assert_eq!(error, expected);
    }

    #[test]
    fn any_truncation_or_extension_is_refused_by_name(value in any::<Vec<u8>>(), cut in any::<prop::sample::Index>(), extra in 1..40_usize) {
        let sealed = SHARED.seal(PHONE, b"7", &value).unwrap();
        let cut = cut.index(sealed.len());
        let expected = if cut < sealing::SEAL_OVERHEAD { OpenError::Truncated } else { OpenError::Tampered };
        prop_assert_eq!(SHARED.open_sealed(PHONE, b"7", &sealed[..cut]), Err(expected));
        let longer = [&sealed[..], &vec![0; extra][..]].concat();
        prop_assert_eq!(SHARED.open_sealed(PHONE, b"7", &longer), Err(OpenError::Tampered));
    }

    #[test]
    fn another_row_or_column_is_refused(row in any::<Vec<u8>>(), other in any::<Vec<u8>>(), value in any::<Vec<u8>>()) {
        let sealed = SHARED.seal(PHONE, &row, &value).unwrap();
        prop_assert_eq!(SHARED.open_sealed(NAME, &row, &sealed), Err(OpenError::Tampered));
        prop_assert_eq!(SHARED.open_sealed(DEVICE_NAME, &row, &sealed), Err(OpenError::Tampered));
        if row != other {
            prop_assert_eq!(SHARED.open_sealed(PHONE, &other, &sealed), Err(OpenError::Tampered));
        }
    }

    #[test]
    fn another_key_is_refused(value in any::<Vec<u8>>()) {
        static OTHER: LazyLock<Keyring> = LazyLock::new(|| keyring().1);
        let sealed = OTHER.seal(PHONE, b"7", &value).unwrap();
        prop_assert_eq!(SHARED.open_sealed(PHONE, b"7", &sealed), Err(OpenError::Tampered));
    }

    #[test]
    fn any_bytes_are_survived(bytes in any::<Vec<u8>>(), tail in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(SHARED.open_sealed(PHONE, b"7", &bytes).is_err());
        prop_assert!(SHARED.open_ephemeral("n", &bytes).is_err());
        let named = [&[1, 0, 0, 0, 1][..], &tail].concat();
        prop_assert!(SHARED.open_sealed(PHONE, b"7", &named).is_err());
        let key = WrappedKey { id: 5, purpose: Purpose::Column, wrapped: bytes, state: KeyState::Current, created: START, seals: 0 };
        prop_assert!(SHARED.add(&RootKey::generate(), key).is_err());
    }
}
