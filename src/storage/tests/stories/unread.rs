//! Unread messages of many logs, on every database there is: one query, own messages and other events left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use melo_domain::{EventKind, LogId, LogKind, Timestamp, Uid};
use melo_storage::unread::{MAX_UNREAD, unread};
use melo_storage::{NewEvent, Store, events, logs};

use crate::databases;

const NOW: Timestamp = Timestamp::from_millis(1_795_162_530_000);

#[tokio::test(flavor = "multi_thread")]
async fn counts_what_others_wrote_after_each_mark() {
    for mut database in databases::all().await {
        let statements = Arc::new(AtomicU64::new(0));
        database.db.count_statements(&statements);
        let store = databases::store(&database.db).await;
        story(&store, &statements)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", database.name));
        drop(store);
        database.remove().await;
    }
}

async fn story(store: &Store, statements: &AtomicU64) -> Result<(), melo_storage::StorageError> {
    let (anna, boris) = (Uid::from_random(1), Uid::from_random(2));
    let mut marks = Vec::new();
    for n in 0..5_u64 {
        let log = LogId::from_random(100 + n);
        let tx = store.db.begin().await?;
        logs::create(&tx, &store.keys, log, LogKind::Direct, &[anna, boris], NOW).await?;
        for (kind, sender) in [
            (EventKind::Message, boris),
            (EventKind::Message, anna),
            (EventKind::Delete, boris),
            (EventKind::Message, boris),
        ] {
            let new = NewEvent::new(log, kind, sender, "{}");
            events::append(&tx, &store.keys, new, NOW).await?;
        }
        tx.commit().await?;
        marks.push((log, n));
    }
    let before = statements.load(Ordering::Relaxed);
    let counts = unread(store.db.read(), anna, &marks).await?;
    assert_eq!(statements.load(Ordering::Relaxed) - before, 1);
    let of = |n: usize| counts.get(&marks[n].0).copied();
    assert_eq!(
        [of(0), of(1), of(2), of(3), of(4)],
        [Some(2), Some(1), Some(1), Some(1), None]
    );
    assert!(unread(store.db.read(), anna, &[]).await?.is_empty());
    many(store, anna, boris, &marks).await
}

/// A number that stays bounded, and more marks than one statement takes.
async fn many(
    store: &Store,
    anna: Uid,
    boris: Uid,
    marks: &[(LogId, u64)],
) -> Result<(), melo_storage::StorageError> {
    let full = marks[4].0;
    let tx = store.db.begin().await?;
    for _ in 0..=MAX_UNREAD {
        let new = NewEvent::new(full, EventKind::Message, boris, "{}");
        events::append(&tx, &store.keys, new, NOW).await?;
    }
    tx.commit().await?;
    let mut asked: Vec<_> = (0..600)
        .map(|n| (LogId::from_random(9_000 + n), 0))
        .collect();
    asked.extend_from_slice(marks);
    let counts = unread(store.db.read(), anna, &asked).await?;
    assert_eq!(counts.len(), 5);
    assert_eq!(counts[&full], MAX_UNREAD);
    Ok(())
}
