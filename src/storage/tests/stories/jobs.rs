//! The queue: a job is handled once, by whichever worker is alive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use melo_domain::{JobKind, Timestamp};
use melo_storage::Store;
use melo_storage::jobs::{self, Claim, Counts};
use tokio::sync::Barrier;

use crate::databases::{self, TestDatabase};

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);
const LEASE: Duration = Duration::from_secs(20);
/// Attempts at a job.
const MOST: u32 = 12;

/// A worker's own connections to the same rows.
async fn another(database: &TestDatabase, store: &Store) -> Store {
    Store {
        db: database.connect_again().await,
        keys: Arc::clone(&store.keys),
    }
}

async fn enqueue(store: &Store, payload: &str, due: Timestamp) -> i64 {
    let (db, keys) = (store.db.write(), &store.keys);
    jobs::enqueue(db, keys, JobKind::SendMail, payload.as_bytes(), due)
        .await
        .unwrap()
}

async fn claim(store: &Store, now: Timestamp, limit: u64) -> Vec<Claim> {
    let (db, keys) = (store.db.write(), &store.keys);
    jobs::claim(db, keys, now, now.plus(LEASE), MOST, limit)
        .await
        .unwrap()
}

async fn counts(store: &Store) -> Counts {
    jobs::counts(store.db.read()).await.unwrap()
}

fn text(claim: &Claim) -> &str {
    std::str::from_utf8(&claim.payload).unwrap()
}

/// Takes and finishes jobs in step with the other worker, so that both reach for the same ones each time. What
/// it has handled, and whether it was told that it was the one.
async fn work(store: Store, turn: Arc<Barrier>, rounds: u64, limit: u64) -> Vec<(i64, bool)> {
    let mut handled = Vec::new();
    for _ in 0..rounds {
        turn.wait().await;
        for claim in claim(&store, NOW, limit).await {
            let own = jobs::finish(store.db.write(), &claim).await.unwrap();
            handled.push((claim.id, own));
        }
    }
    handled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_handle_each_job_exactly_once() {
    /// In each round the first jobs that are due go to one of the two: so many rounds are enough.
    const ROUNDS: u64 = 20;
    const AT_ONCE: u64 = 8;
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let other = another(&database, &store).await;
        let mut times = BTreeMap::new();
        for n in 0..ROUNDS * AT_ONCE {
            times.insert(enqueue(&store, &n.to_string(), NOW).await, 0);
        }
        let turn = Arc::new(Barrier::new(2));
        let one = work(store.clone(), Arc::clone(&turn), ROUNDS, AT_ONCE);
        let two = work(other.clone(), turn, ROUNDS, AT_ONCE);
        let (one, two) = (tokio::spawn(one), tokio::spawn(two));
        for (id, own) in [one.await.unwrap(), two.await.unwrap()].concat() {
            assert!(own, "{}: somebody else had it as well", database.name);
            *times.get_mut(&id).unwrap() += 1;
        }
        let not_once: Vec<_> = times.values().filter(|times| **times != 1).collect();
        assert!(not_once.is_empty(), "{}: {not_once:?}", database.name);
        assert_eq!(counts(&store).await, Counts::default());
        other.db.close().await.unwrap();
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_worker_died_is_taken_over_by_one_when_its_lease_is_over() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let other = another(&database, &store).await;
        for round in 0..10 {
            let id = enqueue(&store, "letter", NOW).await;
            // Nothing more is heard of this worker.
            let dead = claim(&store, NOW, 8).await;
            assert_eq!((dead[0].id, dead[0].attempt), (id, 1), "{name}");
            let over = NOW.plus(LEASE);
            let early = Timestamp::from_millis(over.millis() - 1);
            assert!(claim(&other, early, 8).await.is_empty(), "{name}");

            let (one, two) = tokio::join!(claim(&store, over, 8), claim(&other, over, 8));
            let taken = [one, two].concat();
            assert_eq!(taken.len(), 1, "{name}, round {round}");
            assert_eq!((taken[0].id, taken[0].attempt), (id, 2), "{name}");
            assert_eq!(text(&taken[0]), "letter", "{name}");
            assert_eq!(counts(&store).await.running, 1, "{name}");

            // The first one was only slow, and finds that the job is not its own any more.
            let db = other.db.write();
            assert!(!jobs::finish(db, &dead[0]).await.unwrap(), "{name}");
            assert!(!jobs::put_back(db, &dead[0], NOW).await.unwrap(), "{name}");
            assert!(!jobs::bury(db, &dead[0]).await.unwrap(), "{name}");
            assert_eq!(counts(&store).await.running, 1, "{name}");
            assert!(jobs::finish(db, &taken[0]).await.unwrap(), "{name}");
            assert_eq!(counts(&store).await, Counts::default(), "{name}");
        }
        other.db.close().await.unwrap();
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_due_comes_first_and_what_failed_waits() {
    for database in databases::all().await {
        let name = database.name;
        let store = databases::store(&database.db).await;
        let db = store.db.write();
        let later = NOW.plus(Duration::from_secs(3));
        let third = enqueue(&store, "third", later).await;
        let second = enqueue(&store, "второе", NOW).await;
        let before = Timestamp::from_millis(NOW.millis() - 1);
        let first = enqueue(&store, "first", before).await;
        let claimed = claim(&store, NOW, 8).await;
        let ids: Vec<i64> = claimed.iter().map(|claim| claim.id).collect();
        assert_eq!(ids, [first, second], "{name}: the third is not due");
        assert_eq!(text(&claimed[1]), "второе", "{name}");

        // Earlier than its lease would end.
        assert!(jobs::put_back(db, &claimed[0], later).await.unwrap());
        assert!(jobs::bury(db, &claimed[1]).await.unwrap());
        let twice = jobs::put_back(db, &claimed[0], later).await.unwrap();
        assert!(!twice, "{name}: it is nobody's now");
        let expected = Counts {
            waiting: 2,
            running: 0,
            dead: 1,
        };
        assert_eq!(counts(&store).await, expected, "{name}");
        let again = claim(&store, later, 1).await;
        assert_eq!(again.len(), 1, "{name}: no more than were asked for");
        let rest = claim(&store, later, 8).await;
        let mut attempts: Vec<_> = again
            .iter()
            .chain(&rest)
            .map(|c| (c.id, c.attempt))
            .collect();
        attempts.sort_unstable();
        let mut expected = [(first, 2), (third, 1)];
        expected.sort_unstable();
        assert_eq!(attempts, expected, "{name}");
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_does_not_stop_the_queue() {
    for database in databases::all().await {
        let name = database.name;
        // Sealed with a key that is lost.
        let lost = databases::store(&database.db).await;
        enqueue(&lost, "unreadable", NOW).await;
        let store = databases::store(&database.db).await;
        let killer = enqueue(&store, "killer", NOW.plus(Duration::from_secs(1))).await;
        let mut now = NOW.plus(Duration::from_secs(1));
        for attempt in 1..=MOST {
            let claimed = claim(&store, now, 8).await;
            let found: Vec<_> = claimed.iter().map(|c| (c.id, c.attempt)).collect();
            assert_eq!(found, [(killer, attempt)], "{name}");
            now = now.plus(LEASE);
        }
        assert!(claim(&store, now, 8).await.is_empty(), "{name}: given up");
        let both = Counts {
            dead: 2,
            ..Counts::default()
        };
        assert_eq!(counts(&store).await, both, "{name}");

        // They stay to be looked at for a while.
        let db = store.db.write();
        assert_eq!(jobs::sweep_dead(db, NOW).await.unwrap(), 0, "{name}");
        let end = now.plus(LEASE + Duration::from_millis(1));
        assert_eq!(jobs::sweep_dead(db, end).await.unwrap(), 2, "{name}");
        assert_eq!(counts(&store).await, Counts::default(), "{name}");
        database.remove().await;
    }
}
