//! The audit log: appended to by many at once, and found out when somebody has been at the rows.

use std::sync::Arc;

use melo_crypto::AuditChain;
use melo_domain::{Secret, Timestamp, Uid};
use melo_storage::audit::{self, AuditEntry, AuditFilter, Head, Verified};
use melo_storage::{ConnectionTrait, Store};
use tokio::task::JoinSet;

use crate::databases;

fn chain() -> AuditChain {
    AuditChain::new(&Secret::new("an application secret of 32 bytes".to_owned()))
}

fn entry(actor: u64) -> AuditEntry {
    AuditEntry {
        id: 0,
        at: Timestamp::from_millis(1_795_162_530_000),
        actor: Some(Uid::from_random(actor)),
        action: "session.begin".to_owned(),
        object: format!("user:{}", Uid::from_random(actor)),
        details: "{}".to_owned(),
        ip_address: "192.0.2.1".to_owned(),
        user_agent: "test".to_owned(),
        request_id: format!("{actor:016x}"),
    }
}

async fn append(store: &Store, chain: &AuditChain, actor: u64) {
    loop {
        let tx = store.db.begin().await.unwrap();
        match audit::append(&tx, &store.keys, chain, entry(actor)).await {
            Ok(_) => return tx.commit().await.unwrap(),
            // Taken back by the database because of the others.
            Err(error) if error.is_rolled_back() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Walks the chain in pages that are too small for it.
async fn walk(store: &Store) -> Verified {
    let chain = chain();
    let mut at = Head::START;
    loop {
        let page = audit::verify_page(store.db.read(), &store.keys, &chain, at, 16).await;
        match page.unwrap() {
            Verified::Good(to) if to.last_id > at.last_id => at = to,
            last => return last,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_at_once_leave_one_whole_chain() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let chain = Arc::new(chain());
        let mut tasks = JoinSet::new();
        for actor in 0..100 {
            let (store, chain) = (store.clone(), Arc::clone(&chain));
            tasks.spawn(async move { append(&store, &chain, actor).await });
        }
        tasks.join_all().await;
        let head = audit::head(store.db.read()).await.unwrap();
        assert_eq!(head.last_id, 100, "{}", database.name);
        assert_eq!(
            walk(&store).await,
            Verified::Good(head),
            "{}",
            database.name
        );

        let mut seen = Vec::new();
        let mut before = None;
        let any = AuditFilter::default();
        loop {
            let page = audit::search(store.db.read(), &store.keys, &any, before, 30).await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            seen.extend(page.iter().map(|entry| entry.id));
        }
        assert_eq!(
            seen,
            (1..=100).rev().collect::<Vec<_>>(),
            "{}",
            database.name
        );
        let of_one = AuditFilter {
            actor: Some(Uid::from_random(7)),
            ..any
        };
        let found = audit::search(store.db.read(), &store.keys, &of_one, None, 30)
            .await
            .unwrap();
        assert_eq!(found.len(), 1, "{}", database.name);
        assert_eq!(
            AuditEntry {
                id: 0,
                ..found[0].clone()
            },
            entry(7)
        );
        drop(store);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_been_at_the_rows_is_found_out() {
    for (what, sql, broken) in [
        (
            "changed",
            "UPDATE audit_log SET object = 'user:1' WHERE id = 20",
            Some(20),
        ),
        (
            "changed actor",
            "UPDATE audit_log SET actor = NULL WHERE id = 1",
            Some(1),
        ),
        (
            "details of another entry",
            "UPDATE audit_log SET details = (SELECT details FROM audit_log WHERE id = 3) WHERE id = 20",
            Some(20),
        ),
        (
            "changed link",
            "UPDATE audit_log SET chain = zeroblob(32) WHERE id = 20",
            Some(20),
        ),
        (
            "deleted in the middle",
            "DELETE FROM audit_log WHERE id = 20",
            Some(20),
        ),
        (
            "deleted at the beginning",
            "DELETE FROM audit_log WHERE id <= 20",
            Some(1),
        ),
        (
            "deleted, and the gap closed",
            "DELETE FROM audit_log WHERE id = 20; UPDATE audit_log SET id = id - 1 WHERE id > 20",
            Some(20),
        ),
        (
            "two swapped",
            "UPDATE audit_log SET id = -1 WHERE id = 20; UPDATE audit_log SET id = 20 WHERE id = 21; \
             UPDATE audit_log SET id = 21 WHERE id = -1",
            Some(20),
        ),
        (
            "cut at its end",
            "DELETE FROM audit_log WHERE id > 30",
            None,
        ),
        ("emptied", "DELETE FROM audit_log", None),
    ] {
        let database = databases::sqlite().await;
        let store = databases::store(&database.db).await;
        let chain = chain();
        for actor in 0..40 {
            append(&store, &chain, actor).await;
        }
        let head = audit::head(store.db.read()).await.unwrap();
        assert_eq!(walk(&store).await, Verified::Good(head));
        store.db.write().execute_unprepared(sql).await.unwrap();
        match (walk(&store).await, broken) {
            (Verified::Broken(id), Some(broken)) => assert_eq!(id, broken, "{what}"),
            // The entries that are left hold together; the head knows better.
            (Verified::Good(end), None) => assert_ne!(end, head, "{what}"),
            (found, _) => panic!("{what}: {found:?}"),
        }
        drop(store);
        database.remove().await;
    }
}
