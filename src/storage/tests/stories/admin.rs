//! What the admin API lists and counts, told the same way by every database.

use melo_crypto::random;
use melo_domain::{
    AccountState, DeviceHandle, DeviceType, JobKind, JobState, LogId, Role, SessionId, SessionKind,
    Timestamp, Uid,
};
use melo_storage::accounts::{self, NewAccount, Standing};
use melo_storage::admin::people::{Lookup, PeopleFilter};
use melo_storage::admin::{devices, figures, people, sessions};
use melo_storage::devices::Tokens;
use melo_storage::sessions::NewSession;
use melo_storage::{Store, jobs};

use crate::databases;

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);

async fn person(store: &Store, number: u32) -> Uid {
    let uid = Uid::from_random(random::u64());
    let phone = format!("+7999{number:07}").parse().unwrap();
    let name = "Anna".parse().unwrap();
    let new = NewAccount {
        uid,
        phone: &phone,
        name: &name,
        nickname: &name,
        password_hash: "$argon2id$",
        e2e_key: "",
        created: NOW,
        private_log: LogId::from_random(random::u64()),
    };
    accounts::insert(store.db.write(), &store.keys, &new)
        .await
        .unwrap();
    uid
}

async fn session(store: &Store, uid: Uid, kind: SessionKind) -> SessionId {
    let id = SessionId::from_random(random::u64());
    let new = NewSession {
        id,
        kind,
        uid,
        device: DeviceHandle::from_random(random::u64()),
        device_type: DeviceType::Unknown,
        device_name: "test",
        ip_address: "192.0.2.1",
        user_agent: "test",
        created: NOW,
        authenticated: None,
    };
    let (db, keys) = (store.db.write(), &store.keys);
    melo_storage::sessions::insert(db, keys, &new)
        .await
        .unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sessions_devices_and_figures() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        story(&store).await;
        drop(store);
        database.remove().await;
    }
}

#[allow(clippy::too_many_lines)] // a story reads best in one piece
async fn story(store: &Store) {
    let (db, keys) = (store.db.write(), &store.keys);
    let mut uids = Vec::new();
    for number in 0..5 {
        uids.push(person(store, number).await);
    }
    uids.sort();
    let any = PeopleFilter::default();
    let first = people::page(db, keys, any, None, 3).await.unwrap();
    let rest = people::page(db, keys, any, Some(first[2].uid), 3)
        .await
        .unwrap();
    let listed: Vec<Uid> = first.iter().chain(&rest).map(|person| person.uid).collect();
    assert_eq!(listed, uids);

    let wanted = Lookup {
        phone: "+79990000003".parse().ok(),
        ..Lookup::default()
    };
    let found = people::look_up(db, keys, &wanted).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].phone, "+79990000003");
    let nobody = people::look_up(db, keys, &Lookup::default()).await.unwrap();
    assert!(nobody.is_empty());

    let owner = Standing {
        role: Some(Role::Owner),
        ..Standing::default()
    };
    let locked = Standing {
        state: Some(AccountState::Locked),
        ..Standing::default()
    };
    accounts::set_standing(db, uids[0], owner).await.unwrap();
    accounts::set_standing(db, uids[1], owner).await.unwrap();
    accounts::set_standing(db, uids[1], locked).await.unwrap();
    let tx = store.db.begin().await.unwrap();
    assert_eq!(
        people::hold_role(&tx, Role::Owner).await.unwrap(),
        [uids[0]]
    );
    let held = accounts::hold_standing(&tx, uids[1])
        .await
        .unwrap()
        .unwrap();
    assert_eq!((held.role, held.state), (Role::Owner, AccountState::Locked));
    let gone = accounts::hold_standing(&tx, Uid::from_random(3))
        .await
        .unwrap();
    assert!(gone.is_none());
    tx.rollback().await.unwrap();

    session(store, uids[0], SessionKind::Login).await;
    session(store, uids[0], SessionKind::Login).await;
    session(store, uids[0], SessionKind::Token).await;
    session(store, uids[1], SessionKind::Login).await;
    let page = sessions::page(db, keys, uids[0], None, 2).await.unwrap();
    let rest = sessions::page(db, keys, uids[0], Some(page[1].id), 2)
        .await
        .unwrap();
    assert_eq!((page.len(), rest.len()), (2, 1));
    assert_eq!(
        sessions::count(db, uids[0], SessionKind::Login)
            .await
            .unwrap(),
        2
    );

    let device = DeviceHandle::from_random(random::u64());
    let id = "0123456789abcdef".parse().unwrap();
    melo_storage::devices::insert(db, keys, device, uids[0], &id, NOW)
        .await
        .unwrap();
    let (_, hash) = melo_crypto::BearerToken::generate();
    melo_storage::devices::set_token(db, keys, device, &hash, NOW)
        .await
        .unwrap();
    let listed = devices::page(db, keys, uids[0], None, 10).await.unwrap();
    assert_eq!(
        (listed[0].handle, listed[0].token_expires),
        (device, Some(NOW))
    );
    let dropped = melo_storage::devices::drop_tokens(db, uids[0], Tokens::Of(device)).await;
    assert_eq!(dropped.unwrap(), 1);
    let listed = devices::page(db, keys, uids[0], None, 10).await.unwrap();
    assert_eq!(listed[0].token_expires, None);
    assert!(devices::belongs(db, uids[0], device).await.unwrap());
    assert!(!devices::belongs(db, uids[1], device).await.unwrap());

    jobs::enqueue(db, keys, JobKind::SendMail, b"letter", NOW)
        .await
        .unwrap();
    let counted = figures::figures(db).await.unwrap();
    let users = [
        (AccountState::Active, 4),
        (AccountState::Locked, 1),
        (AccountState::Banned, 0),
    ];
    assert_eq!(counted.users, users);
    assert_eq!(
        counted.sessions,
        [(SessionKind::Login, 3), (SessionKind::Token, 1)]
    );
    assert_eq!((counted.devices, counted.events), (1, 0));
    let waiting = [
        (JobState::Waiting, 1),
        (JobState::Running, 0),
        (JobState::Dead, 0),
    ];
    assert_eq!(counted.jobs, waiting);
    assert!(counted.database_bytes > 0);
}
