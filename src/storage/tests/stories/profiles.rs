//! Pictures, switches and blocks; and a person who leaves, of whom nothing stays that is not listed.

use std::collections::BTreeSet;

use melo_crypto::{Keyring, random};
use melo_domain::{
    Audience, ClientDeviceId, ContactStatus, DeviceHandle, EventKind, LogId, LogKind, Phone,
    Privacy, Timestamp, Uid,
};
use melo_storage::accounts::{self, NewAccount};
use melo_storage::avatars::{self, Avatar};
use melo_storage::contacts::{self, Contact};
use melo_storage::cursors::{self, Position};
use melo_storage::erasure::{self, KEPT, OWNED};
use melo_storage::{
    ConnectionTrait, NewEvent, StorageError, Store, blocks, devices, events, logs, privacy,
};

use crate::databases;

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);

struct Person {
    uid: Uid,
    private_log: LogId,
    device: DeviceHandle,
    phone: String,
}

async fn person(store: &Store, n: u32) -> Person {
    let (db, keys) = (store.db.write(), &store.keys);
    let uid = Uid::from_random(random::u64());
    let private_log = LogId::from_random(random::u64());
    let device = DeviceHandle::from_random(random::u64());
    let phone = format!("+7999000{n:04}");
    insert(db, keys, uid, private_log, &phone).await.unwrap();
    let kind = LogKind::Private;
    logs::create(db, keys, private_log, kind, &[uid], NOW)
        .await
        .unwrap();
    let id: ClientDeviceId = format!("{n:016x}").parse().unwrap();
    devices::insert(db, keys, device, uid, &id, NOW)
        .await
        .unwrap();
    Person {
        uid,
        private_log,
        device,
        phone,
    }
}

async fn insert(
    db: &impl ConnectionTrait,
    keys: &Keyring,
    uid: Uid,
    private_log: LogId,
    phone: &str,
) -> Result<(), StorageError> {
    let phone: Phone = phone.parse().unwrap();
    let name = "Anna".parse().unwrap();
    let account = NewAccount {
        uid,
        phone: &phone,
        name: &name,
        nickname: &name,
        password_hash: "$argon2id$",
        e2e_key: "PEM",
        created: NOW,
        private_log,
    };
    accounts::insert(db, keys, &account).await
}

async fn befriend(store: &Store, one: &Person, other: &Person) -> LogId {
    let (db, keys) = (store.db.write(), &store.keys);
    let log = LogId::from_random(random::u64());
    let members = [one.uid, other.uid];
    logs::create(db, keys, log, LogKind::Direct, &members, NOW)
        .await
        .unwrap();
    for (uid, peer) in [(one.uid, other.uid), (other.uid, one.uid)] {
        relate(store, uid, peer, ContactStatus::Accepted, Some(log)).await;
    }
    log
}

async fn relate(store: &Store, uid: Uid, peer: Uid, status: ContactStatus, log: Option<LogId>) {
    let contact = Contact {
        uid,
        peer,
        status,
        secret: false,
        log,
    };
    contacts::insert(store.db.write(), &store.keys, &contact, NOW)
        .await
        .unwrap();
}

async fn append(store: &Store, log: LogId, kind: EventKind, from: &Person, payload: &str) {
    let new = NewEvent {
        device: Some(from.device),
        ..NewEvent::new(log, kind, from.uid, payload)
    };
    events::append(store.db.write(), &store.keys, new, NOW)
        .await
        .unwrap();
}

async fn payloads(store: &Store, log: LogId) -> Vec<String> {
    let page = events::after(store.db.read(), &store.keys, log, 0, 100, 1 << 20).await;
    let events = page.unwrap().events;
    events.iter().map(|e| e.payload.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_switches_and_blocks() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let (anna, boris) = (person(&store, 1).await, person(&store, 2).await);
        let name = database.name;

        assert!(avatars::find(db, keys, anna.uid).await.unwrap().is_none());
        for size in [3, 700_000] {
            let avatar = Avatar {
                image: vec![7; size],
                mime: "image/png".to_owned(),
                updated: NOW,
            };
            avatars::set(db, keys, anna.uid, &avatar).await.unwrap();
            let found = avatars::find(db, keys, anna.uid).await.unwrap().unwrap();
            assert_eq!((found.image.len(), found.updated), (size, NOW), "{name}");
        }
        assert!(avatars::remove(db, anna.uid).await.unwrap());
        assert!(!avatars::remove(db, anna.uid).await.unwrap());

        for online in [Audience::Nobody, Audience::Everyone] {
            let switches = Privacy {
                online,
                ..Privacy::default()
            };
            privacy::set(db, keys, anna.uid, &switches).await.unwrap();
            let found = privacy::of(db, keys, &[anna.uid, boris.uid]).await.unwrap();
            assert_eq!(found, [(anna.uid, switches)], "{name}");
        }

        assert!(
            blocks::add(db, keys, anna.uid, boris.uid, NOW)
                .await
                .unwrap()
        );
        assert!(
            !blocks::add(db, keys, anna.uid, boris.uid, NOW)
                .await
                .unwrap(),
            "{name}"
        );
        let seen = blocks::between(db, anna.uid, boris.uid).await.unwrap();
        assert_eq!(seen, (true, false));
        let seen = blocks::between(db, boris.uid, anna.uid).await.unwrap();
        assert_eq!(seen, (false, true));
        assert_eq!(blocks::around(db, boris.uid).await.unwrap(), [anna.uid]);
        let (page, total) = blocks::page(db, keys, anna.uid, 1, 10).await.unwrap();
        assert_eq!((page[0].peer, page[0].created, total), (boris.uid, NOW, 1));
        assert!(blocks::remove(db, anna.uid, boris.uid).await.unwrap());
        assert!(!blocks::remove(db, anna.uid, boris.uid).await.unwrap());
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::too_many_lines)] // a story reads best in one piece
async fn who_leaves_leaves_only_what_others_have() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let anna = person(&store, 1).await;
        let boris = person(&store, 2).await;
        let clara = person(&store, 3).await;
        let name = database.name;
        let log = befriend(&store, &anna, &boris).await;
        let other = befriend(&store, &boris, &clara).await;
        relate(&store, clara.uid, anna.uid, ContactStatus::Pending, None).await;
        append(&store, log, EventKind::Message, &anna, r#""from anna""#).await;
        append(&store, other, EventKind::Message, &boris, r#""elsewhere""#).await;
        let request = format!(
            r#"{{"from_id":"{}","from_phone":"{}"}}"#,
            anna.uid, anna.phone
        );
        let kind = EventKind::SubscriptionRequest;
        append(&store, boris.private_log, kind, &anna, &request).await;
        append(
            &store,
            anna.private_log,
            EventKind::KeysChanged,
            &boris,
            "{}",
        )
        .await;
        let position = Position::default();
        let positions = [
            (anna.device, log, position),
            (anna.device, anna.private_log, position),
            (boris.device, log, position),
        ];
        cursors::save(db, keys, &positions).await.unwrap();
        blocks::add(db, keys, clara.uid, anna.uid, NOW)
            .await
            .unwrap();
        privacy::set(db, keys, anna.uid, &Privacy::default())
            .await
            .unwrap();

        let tx = store.db.begin().await.unwrap();
        assert!(
            accounts::hold_standing(&tx, anna.uid)
                .await
                .unwrap()
                .is_some()
        );
        erasure::erase(&tx, keys, anna.uid).await.unwrap();
        tx.commit().await.unwrap();

        for (table, column) in OWNED {
            assert_eq!(
                rows_of(db, table, column, anna.uid).await,
                0,
                "{name}: {table}.{column}"
            );
        }
        assert_eq!(
            rows_of(db, "log_members", "uid", anna.uid).await,
            1,
            "{name}"
        );
        assert_eq!(
            payloads(&store, log).await,
            [r#""from anna""#],
            "{name}: theirs to read"
        );
        assert_eq!(payloads(&store, other).await, [r#""elsewhere""#]);
        let notice = payloads(&store, boris.private_log).await.join("");
        assert!(
            !notice.contains(&anna.phone) && notice.contains("from_phone"),
            "{notice}"
        );
        let left = contacts::find(db, boris.uid, anna.uid)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((left.status, left.log), (ContactStatus::Gone, Some(log)));
        assert!(
            contacts::find(db, clara.uid, anna.uid)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(
            contacts::accepted_uids(db, boris.uid).await.unwrap(),
            [clara.uid]
        );
        let device = anna.device.to_i64();
        let cursors = format!("SELECT COUNT(*) AS n FROM cursors WHERE device = {device}");
        assert_eq!(count(db, &cursors).await, 0, "{name}");
        let gone = anna.private_log.to_i64();
        let events = format!("SELECT COUNT(*) AS n FROM events WHERE log = {gone}");
        assert_eq!(count(db, &events).await, 0, "{name}");

        // The id is never given out again; the phone may come back.
        assert!(erasure::is_tombstone(db, anna.uid).await.unwrap());
        let tx = store.db.begin().await.unwrap();
        let again = insert(&tx, keys, anna.uid, anna.private_log, &anna.phone).await;
        assert!(
            again.is_err_and(|error| error.is_unique_violation()),
            "{name}"
        );
        drop(tx);

        // Once both are gone nobody reads the conversation any more.
        erasure::erase(db, keys, boris.uid).await.unwrap();
        assert!(payloads(&store, log).await.is_empty(), "{name}");
        assert_eq!(payloads(&store, other).await, [r#""elsewhere""#]);
        database.remove().await;
    }
}

async fn count(db: &impl ConnectionTrait, sql: &str) -> i64 {
    let backend = db.get_database_backend();
    let statement = sea_orm::Statement::from_string(backend, sql);
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

async fn rows_of(db: &impl ConnectionTrait, table: &str, column: &str, uid: Uid) -> i64 {
    let uid = uid.to_i64();
    let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} = {uid}");
    count(db, &sql).await
}

#[tokio::test]
async fn every_column_that_names_somebody_is_dealt_with() {
    /// What columns that name a person, a device or a session are called.
    const NAMES: [&str; 14] = [
        "uid",
        "user_id",
        "peer",
        "owner",
        "sender",
        "actor",
        "author",
        "creator",
        "created_by",
        "target",
        "invited_by",
        "used_by",
        "device",
        "session",
    ];
    let database = databases::sqlite().await;
    let store = databases::store(&database.db).await;
    let sql = "SELECT m.name AS t, p.name AS c FROM sqlite_master m JOIN pragma_table_info(m.name) p \
               WHERE m.type = 'table'";
    let db = store.db.read();
    let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    let there: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| {
            let text = |column| row.try_get::<String>("", column).unwrap();
            (text("t"), text("c"))
        })
        .filter(|(_, column)| NAMES.contains(&column.as_str()))
        .collect();
    let listed: BTreeSet<(String, String)> = OWNED
        .iter()
        .copied()
        .chain(KEPT.iter().map(|(table, column, _)| (*table, *column)))
        .map(|(table, column)| (table.to_owned(), column.to_owned()))
        .collect();
    assert_eq!(
        there, listed,
        "src/storage/src/erasure.rs must say what becomes of each when its person leaves"
    );
    database.remove().await;
}
