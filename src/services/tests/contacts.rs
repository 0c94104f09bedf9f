//! Requests and their ends, and contacts who part and meet again.

// Helpers stand outside of `#[test]` functions, where clippy's own exception does not reach.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{World, origin};
use melo_domain::{EventKind, LogEvent, Uid};
use melo_services::contacts::{self, ASK_AGAIN_AFTER, ContactError, SubscribeInput};
use melo_services::messages::{self, Destination, MessageError, SendInput};
use melo_services::{Caller, account, people};
use melo_storage::{accounts, erasure, events};
use serde_json::Value;
use serde_json::value::RawValue;

async fn ask(world: &World, from: Caller, to: Caller) -> Result<(), ContactError> {
    let input = SubscribeInput {
        target: to.uid,
        secret: false,
        csrf_token: account::issue_csrf(&world.core, from),
    };
    contacts::subscribe(&world.core, from, &input).await
}

async fn confirm(world: &World, by: Caller, of: Caller) -> Result<(), ContactError> {
    let csrf = account::issue_csrf(&world.core, by);
    contacts::confirm(&world.core, by, of.uid, &csrf).await
}

async fn reject(world: &World, by: Caller, of: Caller) -> Result<(), ContactError> {
    let csrf = account::issue_csrf(&world.core, by);
    contacts::reject(&world.core, by, of.uid, &csrf).await
}

async fn cancel(world: &World, by: Caller, to: Caller) -> Result<(), ContactError> {
    let csrf = account::issue_csrf(&world.core, by);
    contacts::cancel(&world.core, by, to.uid, &csrf).await
}

async fn send(world: &World, from: Caller, to: Caller) -> Result<u64, MessageError> {
    let payload = RawValue::from_string("\"text\"".to_owned()).unwrap();
    let input = SendInput {
        to: Destination::Person(to.uid),
        payload: &payload,
        client_id: None,
    };
    let accepted = messages::send(&world.core, from, input).await?;
    Ok(accepted.receipt.await?.seq)
}

/// The person's notices about contacts, in order.
async fn notices(world: &World, uid: Uid) -> Vec<LogEvent> {
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let account = accounts::find(db, keys, uid).await.unwrap().unwrap();
    let page = events::after(db, keys, account.private_log, 0, 1000, 1 << 20).await;
    page.unwrap().events
}

async fn kinds(world: &World, caller: Caller) -> Vec<EventKind> {
    let all = notices(world, caller.uid).await;
    all.iter().map(|event| event.kind).collect()
}

fn members(event: &LogEvent) -> Value {
    serde_json::from_str(&event.payload).unwrap()
}

async fn outgoing(world: &World, caller: Caller) -> u64 {
    let page = contacts::list_requests(&world.core, caller, 1, 10).await;
    page.unwrap().outgoing_total
}

async fn incoming(world: &World, caller: Caller) -> u64 {
    let page = contacts::list_requests(&world.core, caller, 1, 10).await;
    page.unwrap().incoming_total
}

#[tokio::test(flavor = "multi_thread")]
async fn who_part_and_meet_again_go_on_in_the_same_conversation() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    assert_eq!(send(&world, anna, boris).await.unwrap(), 1);
    let before = contacts::list(core, anna, 1, 10).await.unwrap();
    let log = before.contacts[0].log;

    contacts::remove(core, boris, anna.uid).await.unwrap();
    let twice = contacts::remove(core, boris, anna.uid).await;
    assert!(matches!(twice, Err(ContactError::NotAContact)));
    for (one, other) in [(anna, boris), (boris, anna)] {
        assert_eq!(contacts::list(core, one, 1, 10).await.unwrap().total, 0);
        let refused = send(&world, one, other).await;
        assert!(
            matches!(refused, Err(MessageError::NotAContact)),
            "{refused:?}"
        );
        let page = messages::history(core, one, Destination::Person(other.uid), 1, 10)
            .await
            .unwrap();
        assert_eq!((page.total, page.log), (1, log), "to read it stays");
        let last = notices(&world, one.uid).await.pop().unwrap();
        assert_eq!(last.kind, EventKind::ContactRemoved);
        assert_eq!(members(&last)["user_id"], other.uid.to_string());
        assert_eq!(members(&last)["chat_log"], log.to_string());
    }

    // Either may ask again, at once; a request that is refused in between takes nothing away.
    ask(&world, boris, anna).await.unwrap();
    reject(&world, anna, boris).await.unwrap();
    let page = messages::history(core, boris, Destination::Person(anna.uid), 1, 10).await;
    assert_eq!(page.unwrap().total, 1);
    ask(&world, anna, boris).await.unwrap();
    confirm(&world, boris, anna).await.unwrap();
    for (one, other) in [(anna, boris), (boris, anna)] {
        let page = contacts::list(core, one, 1, 10).await.unwrap();
        assert_eq!((page.total, page.contacts[0].log), (1, log));
        send(&world, one, other).await.unwrap();
    }
    let page = messages::history(core, anna, Destination::Person(boris.uid), 1, 10)
        .await
        .unwrap();
    assert_eq!((page.total, page.messages[2].event.seq), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_when_one_of_two_who_parted_leaves() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    send(&world, anna, boris).await.unwrap();
    contacts::remove(&world.core, anna, boris.uid)
        .await
        .unwrap();
    let tx = world.store.db.begin().await.unwrap();
    erasure::erase(&tx, &world.store.keys, anna.uid)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let page = messages::history(&world.core, boris, Destination::Person(anna.uid), 1, 10).await;
    assert_eq!(page.unwrap().total, 1);
    // A phone that was told with a request is gone, whatever became of the request.
    let told = notices(&world, boris.uid).await;
    let request = told
        .iter()
        .find(|event| event.kind == EventKind::SubscriptionRequest);
    assert_eq!(members(request.unwrap())["from_phone"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_answers_at_once_exactly_one_happens() {
    let world = World::new().await;
    let mut confirmed = 0;
    for round in 0..12 {
        let anna = world.person(&format!("+7999000{:04}", 2 * round)).await;
        let boris = world.person(&format!("+7999000{:04}", 2 * round + 1)).await;
        ask(&world, anna, boris).await.unwrap();
        let csrf = |caller| account::issue_csrf(&world.core, caller);
        let (annas, boriss) = (csrf(anna), csrf(boris));
        let mut racing = tokio::task::JoinSet::new();
        for n in 0..9 {
            let core = Arc::clone(&world.core);
            let (annas, boriss) = (annas.clone(), boriss.clone());
            racing.spawn(async move {
                match (n + round) % 3 {
                    0 => contacts::confirm(&core, boris, anna.uid, &boriss).await,
                    1 => contacts::reject(&core, boris, anna.uid, &boriss).await,
                    _ => contacts::cancel(&core, anna, boris.uid, &annas).await,
                }
            });
        }
        let outcomes = racing.join_all().await;
        for outcome in &outcomes {
            assert!(
                matches!(outcome, Ok(()) | Err(ContactError::NoPendingRequest)),
                "{outcome:?}"
            );
        }
        let kinds = kinds(&world, boris).await;
        let ends: Vec<_> = kinds
            .iter()
            .filter(|kind| {
                matches!(
                    kind,
                    EventKind::ContactAccepted | EventKind::ContactRequestEnded
                )
            })
            .collect();
        let accepted = ends.iter().filter(|k| ***k == EventKind::ContactAccepted);
        let accepted = u64::try_from(accepted.count()).unwrap();
        let contacts = contacts::list(&world.core, anna, 1, 10).await.unwrap();
        assert_eq!(contacts.total, accepted);
        assert!(accepted <= 1);
        assert_eq!(incoming(&world, boris).await, 0);
        confirmed += accepted;
        // A refusal can still be taken back by who does not know of it; nothing else follows anything.
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if accepted == 1 {
            assert_eq!((done, ends.len()), (1, 1), "{kinds:?}");
        } else {
            assert!(done == 1 || done == 2, "{kinds:?}");
            assert_eq!(ends.len(), 1, "{kinds:?}");
        }
    }
    assert!(confirmed > 0, "some round ends with an acceptance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_looks_like_silence_to_who_asked() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let boris = world.person("+79990000002").await;
    ask(&world, anna, boris).await.unwrap();
    assert_eq!(
        (outgoing(&world, anna).await, incoming(&world, boris).await),
        (1, 1)
    );
    reject(&world, boris, anna).await.unwrap();
    let last = notices(&world, boris.uid).await.pop().unwrap();
    assert_eq!(last.kind, EventKind::ContactRequestEnded);
    assert_eq!(members(&last)["how"], "rejected");
    assert_eq!(kinds(&world, anna).await, [EventKind::ContactRequested]);
    assert_eq!(
        (outgoing(&world, anna).await, incoming(&world, boris).await),
        (1, 0)
    );
    let late = confirm(&world, boris, anna).await;
    assert!(matches!(late, Err(ContactError::NoPendingRequest)));
    let early = ask(&world, anna, boris).await;
    assert!(matches!(early, Err(ContactError::AlreadySubscribed)));

    // Taking it back and asking anew is answered as always, and tells nobody for a while.
    cancel(&world, anna, boris).await.unwrap();
    assert_eq!(outgoing(&world, anna).await, 0);
    ask(&world, anna, boris).await.unwrap();
    assert_eq!(
        (outgoing(&world, anna).await, incoming(&world, boris).await),
        (1, 0)
    );
    world.pass(ASK_AGAIN_AFTER + Duration::from_secs(1));
    ask(&world, anna, boris).await.unwrap();
    assert_eq!(incoming(&world, boris).await, 1);
    confirm(&world, boris, anna).await.unwrap();
    send(&world, anna, boris).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_of_a_request_is_told_that_it_was_taken_back() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let boris = world.person("+79990000002").await;
    let nothing = cancel(&world, anna, boris).await;
    assert!(matches!(nothing, Err(ContactError::NoPendingRequest)));
    ask(&world, anna, boris).await.unwrap();
    cancel(&world, anna, boris).await.unwrap();
    for (one, other) in [(anna, boris), (boris, anna)] {
        let last = notices(&world, one.uid).await.pop().unwrap();
        assert_eq!(last.kind, EventKind::ContactRequestEnded);
        let told = members(&last);
        assert_eq!(told["user_id"], other.uid.to_string());
        assert_eq!(
            (&told["how"], &told["by"]),
            (&"cancelled".into(), &anna.uid.to_string().into())
        );
    }
    // It was never refused: asking anew reaches Boris at once.
    ask(&world, anna, boris).await.unwrap();
    assert_eq!(incoming(&world, boris).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_who_was_blocked_nothing_is_listed_or_told() {
    use EventKind::{BlockChanged, SubscriptionRequest};
    let world = World::new().await;
    let core = &world.core;
    let anna = world.person("+79990000001").await;
    let boris = world.person("+79990000002").await;
    ask(&world, boris, anna).await.unwrap();
    people::block(core, anna, &origin(), boris.uid)
        .await
        .unwrap();
    assert_eq!(
        (incoming(&world, anna).await, outgoing(&world, boris).await),
        (0, 1)
    );
    let refused = reject(&world, anna, boris).await;
    assert!(matches!(refused, Err(ContactError::Blocked)));
    cancel(&world, boris, anna).await.unwrap();
    ask(&world, boris, anna).await.unwrap();
    cancel(&world, boris, anna).await.unwrap();
    people::unblock(core, anna, &origin(), boris.uid)
        .await
        .unwrap();
    let told = [SubscriptionRequest, BlockChanged, BlockChanged];
    assert_eq!(kinds(&world, anna).await, told, "and of no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_listed_at_a_constant_cost() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let mut costs = Vec::new();
    for n in 0..9 {
        let other = world.person(&format!("+799900001{n:02}")).await;
        ask(&world, other, anna).await.unwrap();
        let asked = world.person(&format!("+799900002{n:02}")).await;
        ask(&world, anna, asked).await.unwrap();
        if n % 4 == 0 {
            let before = world.statements.load(Ordering::Relaxed);
            let page = contacts::list_requests(&world.core, anna, 1, 100).await;
            let page = page.unwrap();
            assert_eq!((page.incoming.len(), page.outgoing.len()), (n + 1, n + 1));
            assert!(page.incoming.iter().all(|request| request.phone.is_some()));
            costs.push(world.statements.load(Ordering::Relaxed) - before);
        }
    }
    assert!(costs.windows(2).all(|pair| pair[0] == pair[1]), "{costs:?}");
}
