//! Requests and what becomes of them, and when people were last there.

use melo_crypto::random;
use melo_domain::{ContactStatus, LogId, LogKind, Phone, Timestamp, Uid};
use melo_storage::accounts::{self, NewAccount};
use melo_storage::contacts::{self, Contact};
use melo_storage::requests::{self, UNANSWERED};
use melo_storage::{Store, blocks, erasure, logs, presence};

use crate::databases;

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);
const LATER: Timestamp = Timestamp::from_millis(1_795_162_990_000);

async fn person(store: &Store, n: u32) -> Uid {
    let (db, keys) = (store.db.write(), &store.keys);
    let uid = Uid::from_random(random::u64());
    let private_log = LogId::from_random(random::u64());
    let phone: Phone = format!("+7999111{n:04}").parse().unwrap();
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
    accounts::insert(db, keys, &account).await.unwrap();
    let kind = LogKind::Private;
    logs::create(db, keys, private_log, kind, &[uid], NOW)
        .await
        .unwrap();
    uid
}

fn request(uid: Uid, peer: Uid) -> Contact {
    Contact {
        uid,
        peer,
        status: ContactStatus::Pending,
        secret: false,
        log: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_once_and_asked_again() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let (anna, boris) = (person(&store, 1).await, person(&store, 2).await);
        let name = database.name;
        let asked = request(anna, boris);
        let tx = store.db.begin().await.unwrap();
        let (own, other) = requests::hold(&tx, keys, anna, boris).await.unwrap();
        assert_eq!((own, other), (None, None), "{name}");
        assert!(requests::ask(&tx, keys, None, &asked, NOW).await.unwrap());
        tx.commit().await.unwrap();

        let (incoming, total) = requests::incoming(db, keys, boris, 1, 10).await.unwrap();
        assert_eq!(
            (incoming[0].contact, incoming[0].at, total),
            (asked, NOW, 1)
        );
        let (outgoing, total) = requests::outgoing(db, keys, anna, 1, 10).await.unwrap();
        assert_eq!((outgoing[0].contact.peer, total), (boris, 1), "{name}");
        blocks::add(db, keys, boris, anna, NOW).await.unwrap();
        let (_, total) = requests::incoming(db, keys, boris, 1, 10).await.unwrap();
        assert_eq!(total, 0, "{name}: not of whom one has blocked");
        blocks::remove(db, boris, anna).await.unwrap();

        assert!(requests::refuse(db, keys, anna, boris, NOW).await.unwrap());
        assert!(!requests::refuse(db, keys, anna, boris, NOW).await.unwrap());
        let log = LogId::from_random(random::u64());
        let pending = [ContactStatus::Pending];
        assert!(
            !contacts::accept(db, anna, boris, &pending, log)
                .await
                .unwrap(),
            "{name}"
        );
        let (outgoing, _) = requests::outgoing(db, keys, anna, 1, 10).await.unwrap();
        assert_eq!((outgoing[0].at, outgoing[0].refused), (NOW, Some(NOW)));
        let ended = ContactStatus::Ended;
        for there in [true, false] {
            let settled = contacts::settle(db, anna, boris, UNANSWERED, ended).await;
            assert_eq!(settled.unwrap(), there, "{name}");
        }

        let tx = store.db.begin().await.unwrap();
        let (before, _) = requests::hold(&tx, keys, anna, boris).await.unwrap();
        assert_eq!(before.unwrap().refused, Some(NOW), "{name}: not forgotten");
        for first in [true, false] {
            let asked = requests::ask(&tx, keys, before.as_ref(), &asked, LATER).await;
            assert_eq!(asked.unwrap(), first, "{name}");
        }
        assert!(
            contacts::accept(&tx, anna, boris, &pending, log)
                .await
                .unwrap()
        );
        let (own, _) = requests::hold(&tx, keys, anna, boris).await.unwrap();
        let own = own.unwrap();
        assert_eq!((own.refused, own.at), (None, LATER), "{name}");
        assert_eq!(own.contact.log, Some(log), "{name}");
        tx.commit().await.unwrap();
        let pairs = contacts::accepted_of(db, &[anna, boris]).await.unwrap();
        assert_eq!(pairs, [(anna, boris)], "{name}");
        let standing = contacts::standing_to(db, anna, &[boris]).await.unwrap();
        assert_eq!(standing[&boris], ContactStatus::Accepted, "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_seen_is_kept_for_who_is_there_to_have_it() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let keys = &store.keys;
        let (anna, boris) = (person(&store, 1).await, person(&store, 2).await);
        let nobody = Uid::from_random(5);
        let name = database.name;
        for at in [NOW, LATER] {
            let tx = store.db.begin().await.unwrap();
            let seen = [(anna, at), (nobody, at), (boris, at)];
            presence::save(&tx, keys, &seen).await.unwrap();
            tx.commit().await.unwrap();
            let all = [anna, boris, nobody];
            let found = presence::last_seen(store.db.read(), keys, &all).await;
            let found = found.unwrap();
            assert_eq!((found.len(), found[&anna]), (2, at), "{name}");
        }
        let tx = store.db.begin().await.unwrap();
        erasure::erase(&tx, keys, anna).await.unwrap();
        presence::save(&tx, keys, &[(anna, LATER)]).await.unwrap();
        tx.commit().await.unwrap();
        let found = presence::last_seen(store.db.read(), keys, &[anna, boris]).await;
        assert_eq!(
            found.unwrap().keys().collect::<Vec<_>>(),
            [&boris],
            "{name}"
        );
        database.remove().await;
    }
}
