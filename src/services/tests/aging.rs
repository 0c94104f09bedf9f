//! What does not stay: messages whose time is over, events that are older than they are kept, scheduled messages that
//! cannot be sent.

#![allow(clippy::unwrap_used, clippy::panic)] // a failed step fails the test

mod common;

use std::time::Duration;

use common::{World, origin};
use melo_domain::{ChatTitle, EventKind, JobKind, LogId, LogKind, MessageId, ScheduleId, Uid};
use melo_services::chats::{self, ChatChange, NewChat};
use melo_services::live::LiveSession;
use melo_services::messages::{
    self, Change, ChangeInput, Destination, Direction, MessageError, SendInput,
};
use melo_services::queue::{self, Claim};
use melo_services::retention::{self, Pruning};
use melo_services::schedule::{self, ScheduleInput};
use melo_services::{Caller, Policy};
use melo_storage::{Appended, events, expiries, logs, pins};
use serde_json::Value;
use serde_json::value::RawValue;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(format!("\"{text}\"")).unwrap()
}

async fn send(world: &World, from: Caller, to: Destination, text: &str) -> Appended {
    let payload = raw(text);
    let input = SendInput {
        to,
        payload: &payload,
        client_id: None,
    };
    let accepted = messages::send(&world.core, from, input).await.unwrap();
    accepted.receipt.await.unwrap()
}

async fn change(
    world: &World,
    from: Caller,
    to: Destination,
    on: Appended,
    change: Change<'_>,
) -> Result<Appended, MessageError> {
    let input = ChangeInput {
        to,
        message_id: MessageId {
            log: on.log,
            seq: on.seq,
        },
        change,
        client_id: None,
    };
    let accepted = messages::change(&world.core, from, input).await?;
    Ok(accepted.receipt.await?)
}

/// Reads the log from its beginning, as a device that was never there.
async fn all_frames(world: &World, caller: Caller, log: LogId) -> Vec<Value> {
    let core = std::sync::Arc::clone(&world.core);
    let mut live = LiveSession::start(core, caller).await.unwrap();
    live.resume(&[(log, 0)].into()).await.unwrap();
    let mut frames = Vec::new();
    while live.has_backlog() {
        for frame in live.next_page().await.unwrap() {
            let frame: Value = serde_json::from_str(&frame.frame).unwrap();
            if frame["log"] == log.to_string() {
                frames.push(frame);
            }
        }
    }
    frames
}

async fn stored(world: &World, log: LogId) -> Vec<(u64, EventKind)> {
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let page = events::after(db, keys, log, 0, 10_000, 1 << 30)
        .await
        .unwrap();
    page.events.iter().map(|e| (e.seq, e.kind)).collect()
}

/// How many messages are to disappear some day. Nothing is changed by looking.
async fn expiring(world: &World) -> u64 {
    let tx = world.store.db.begin().await.unwrap();
    let end = world.core.now().plus(1000 * DAY);
    expiries::sweep(&tx, &world.store.keys, end, 10_000)
        .await
        .unwrap()
        .count
}

/// How many messages are pinned.
async fn pinned(world: &World, log: LogId) -> u64 {
    pins::count_others(world.store.db.read(), log, 0)
        .await
        .unwrap()
}

async fn prune(world: &World) {
    let mut pass = Pruning::default();
    while pass.step(&world.core).await.unwrap() {}
}

async fn group(world: &World, owner: Caller, members: Vec<Uid>) -> LogId {
    let new = NewChat {
        kind: LogKind::Group,
        title: "Choir".parse::<ChatTitle>().unwrap(),
        description: None,
        is_public: false,
        members,
    };
    let made = chats::create(&world.core, owner, &origin(), &new).await;
    made.unwrap().log
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_disappear_at_their_time_and_all_that_became_of_them() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let to_boris = Destination::Person(boris.uid);
    let stays = send(&world, anna, to_boris, "before").await;
    messages::set_disappearing(&world.core, boris, anna.uid, 3600)
        .await
        .unwrap();
    let goes = send(&world, anna, to_boris, "for an hour").await;
    let edit = raw("and this");
    change(&world, anna, to_boris, goes, Change::Edit(&edit))
        .await
        .unwrap();
    change(&world, anna, to_boris, goes, Change::Pin)
        .await
        .unwrap();
    messages::set_disappearing(&world.core, anna, boris.uid, 0)
        .await
        .unwrap();
    let stays_too = send(&world, anna, to_boris, "after").await;

    world.pass(HOUR.saturating_sub(Duration::from_millis(1)));
    assert!(!retention::sweep_expired(&world.core).await.unwrap());
    let text = serde_json::to_string(&all_frames(&world, boris, goes.log).await).unwrap();
    assert!(text.contains("for an hour") && text.contains("and this"));
    world.pass(Duration::from_millis(1));
    retention::sweep_expired(&world.core).await.unwrap();
    let frames = all_frames(&world, boris, goes.log).await;
    let text = serde_json::to_string(&frames).unwrap();
    assert!(
        !text.contains("for an hour") && !text.contains("and this"),
        "{text}"
    );
    assert!(text.contains("before") && text.contains("after"));
    let seqs: Vec<u64> = frames.iter().map(|f| f["seq"].as_u64().unwrap()).collect();
    assert_eq!(
        seqs,
        (1..=stays_too.seq).collect::<Vec<u64>>(),
        "without a gap"
    );
    let found = messages::history_from(
        &world.core,
        boris,
        Destination::Person(anna.uid),
        Direction::After(0),
        10,
    )
    .await
    .unwrap();
    let gone: Vec<(u64, bool)> = found
        .messages
        .iter()
        .map(|m| (m.event.seq, m.is_deleted()))
        .collect();
    assert_eq!(
        gone,
        [(stays.seq, false), (goes.seq, true), (stays_too.seq, false)]
    );
    let late = change(&world, anna, to_boris, goes, Change::React("x")).await;
    assert!(matches!(late, Err(MessageError::NotFound)));
    assert_eq!(
        (expiring(&world).await, pinned(&world, goes.log).await),
        (0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_disappear_in_batches() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    messages::set_disappearing(&world.core, boris, anna.uid, 60)
        .await
        .unwrap();
    for n in 0..250 {
        send(&world, anna, Destination::Person(boris.uid), &n.to_string()).await;
    }
    world.pass(Duration::from_secs(60));
    assert!(
        retention::sweep_expired(&world.core).await.unwrap(),
        "200 at once"
    );
    assert_eq!(expiring(&world).await, 50);
    assert!(!retention::sweep_expired(&world.core).await.unwrap());
    let found = messages::history(&world.core, boris, Destination::Person(anna.uid), 1, 20).await;
    assert_eq!(found.unwrap().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_go_and_whoever_was_away_learns_that_something_is_missing() {
    let world = World::with(Policy {
        history: 14 * DAY,
        ..Policy::default()
    })
    .await;
    let (anna, boris) = world.pair().await;
    let to_boris = Destination::Person(boris.uid);
    let old = send(&world, anna, to_boris, "old").await;
    change(&world, anna, to_boris, old, Change::React("x"))
        .await
        .unwrap();
    change(
        &world,
        boris,
        Destination::Person(anna.uid),
        old,
        Change::Pin,
    )
    .await
    .unwrap();
    world.pass(13 * DAY);
    prune(&world).await;
    assert_eq!(stored(&world, old.log).await.len(), 3, "not yet");
    let young = send(&world, anna, to_boris, "young").await;
    world.pass(DAY + HOUR);
    prune(&world).await;
    assert_eq!(
        stored(&world, old.log).await,
        [(young.seq, EventKind::Message)]
    );
    let bounds = logs::bounds(world.store.db.read(), old.log).await.unwrap();
    assert_eq!((bounds.pruned_seq, bounds.last_seq), (3, 4));
    assert_eq!(pinned(&world, old.log).await, 0);
    let frames = all_frames(&world, boris, old.log).await;
    assert_eq!(
        (&frames[0]["type"], &frames[0]["first_seq"]),
        (&"reset".into(), &4.into())
    );
    assert_eq!(frames[1]["payload"], "young");
    // Numbers go on where they were, even when everything is gone.
    world.pass(20 * DAY);
    prune(&world).await;
    assert!(stored(&world, old.log).await.is_empty());
    let next = send(&world, anna, to_boris, "next").await;
    assert_eq!(next.seq, 5);
    let late = change(&world, anna, to_boris, young, Change::Delete).await;
    assert!(matches!(late, Err(MessageError::NotFound)));
    // Of one's own notices the newest stays.
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    for log in logs::of_person(db, keys, boris.uid, boris.device)
        .await
        .unwrap()
    {
        if log.kind == LogKind::Private {
            assert_eq!(log.last_seq - log.pruned_seq, 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_keeps_less_than_the_server_and_never_more() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let chat = group(&world, anna, vec![boris.uid]).await;
    let kept = |seconds| ChatChange {
        retention: Some(seconds),
        ..ChatChange::default()
    };
    chats::update(&world.core, anna, chat, &kept(3600))
        .await
        .unwrap();
    let to_chat = Destination::Chat(chat);
    send(&world, anna, to_chat, "first").await;
    world.pass(HOUR / 2);
    let second = send(&world, anna, to_chat, "second").await;
    world.pass(HOUR / 2 + Duration::from_millis(1));
    prune(&world).await;
    assert_eq!(
        stored(&world, chat).await,
        [(second.seq, EventKind::Message)],
        "to the moment"
    );
    chats::update(&world.core, anna, chat, &kept(365 * 86_400))
        .await
        .unwrap();
    world.pass(14 * DAY + HOUR);
    prune(&world).await;
    assert!(stored(&world, chat).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn long_logs_are_cut_in_parts_and_a_pass_that_broke_off_is_begun_again() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let mut last = None;
    let payload = raw("x");
    for _ in 0..2500 {
        let input = SendInput {
            to: Destination::Person(boris.uid),
            payload: &payload,
            client_id: None,
        };
        last = Some(messages::send(&world.core, anna, input).await.unwrap());
    }
    let last = last.unwrap().receipt.await.unwrap();
    world.pass(15 * DAY);
    // Somebody ends the process in the middle of it.
    let mut broken = Pruning::default();
    broken.step(&world.core).await.unwrap();
    prune(&world).await;
    assert!(stored(&world, last.log).await.is_empty());
    let bounds = logs::bounds(world.store.db.read(), last.log).await.unwrap();
    assert_eq!((bounds.pruned_seq, bounds.last_seq), (2500, 2500));
}

async fn schedule_at(world: &World, from: Caller, to: Uid, time: Duration) -> ScheduleId {
    let payload = raw("later");
    let input = ScheduleInput {
        to: Destination::Person(to),
        when: world.core.now().plus(time),
        payload: &payload,
        client_id: None,
    };
    schedule::schedule(&world.core, from, input).await.unwrap()
}

async fn claims(world: &World) -> Vec<Claim> {
    let claims = queue::claim(&world.core, 10).await.unwrap();
    assert!(claims.iter().all(|c| c.kind == JobKind::DeliverScheduled));
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_becomes_one_job_whoever_looks() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    for _ in 0..5 {
        schedule_at(&world, anna, boris.uid, HOUR).await;
    }
    assert_eq!(
        schedule::enqueue_due(&world.core).await.unwrap(),
        0,
        "too early"
    );
    world.pass(HOUR);
    let mut looks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let core = std::sync::Arc::clone(&world.core);
        looks.spawn(async move { schedule::enqueue_due(&core).await.unwrap() });
    }
    assert_eq!(looks.join_all().await.iter().sum::<u64>(), 5);
    assert_eq!(claims(&world).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_with_one_job_send_one_message() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    schedule_at(&world, anna, boris.uid, HOUR).await;
    world.pass(HOUR);
    schedule::enqueue_due(&world.core).await.unwrap();
    let first = claims(&world).await.remove(0);
    // The first worker is slow: its lease ends, and another takes the job over.
    world.pass(queue::LEASE + Duration::from_millis(1));
    let second = claims(&world).await.remove(0);
    assert_eq!((first.attempt, second.attempt), (1, 2));
    let (one, other) = tokio::join!(
        schedule::deliver(&world.core, &first),
        schedule::deliver(&world.core, &second),
    );
    one.unwrap();
    other.unwrap();
    let found = messages::history(&world.core, boris, Destination::Person(anna.uid), 1, 20).await;
    assert_eq!(found.unwrap().total, 1);
    assert!(schedule::list(&world.core, anna).await.unwrap().is_empty());
    // A third attempt, of a worker that had been dead, finds nothing to do.
    schedule::deliver(&world.core, &second).await.unwrap();
    assert_eq!(
        queue::counts(&world.core).await.unwrap(),
        queue::Counts::default()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_back_is_not_sent_though_its_job_waits() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let id = schedule_at(&world, anna, boris.uid, HOUR).await;
    world.pass(HOUR);
    schedule::enqueue_due(&world.core).await.unwrap();
    schedule::cancel(&world.core, anna, id).await.unwrap();
    let claim = claims(&world).await.remove(0);
    schedule::deliver(&world.core, &claim).await.unwrap();
    let found = messages::history(&world.core, boris, Destination::Person(anna.uid), 1, 20).await;
    assert_eq!(found.unwrap().total, 0);
    assert_eq!(
        queue::counts(&world.core).await.unwrap(),
        queue::Counts::default()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_job_came_to_nothing_is_given_up_and_told() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    schedule_at(&world, anna, boris.uid, HOUR).await;
    world.pass(HOUR);
    schedule::enqueue_due(&world.core).await.unwrap();
    // Each attempt brings its worker down.
    for _ in 0..=queue::MAX_ATTEMPTS {
        claims(&world).await;
        world.pass(queue::LEASE + Duration::from_millis(1));
    }
    assert_eq!(queue::counts(&world.core).await.unwrap().dead, 1);
    schedule::give_up_stuck(&world.core).await.unwrap();
    assert_eq!(
        schedule::list(&world.core, anna).await.unwrap().len(),
        1,
        "it is young"
    );
    world.pass(DAY);
    schedule::give_up_stuck(&world.core).await.unwrap();
    assert!(schedule::list(&world.core, anna).await.unwrap().is_empty());
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let private = logs::of_person(db, keys, anna.uid, anna.device)
        .await
        .unwrap();
    let private = private.iter().find(|l| l.kind == LogKind::Private).unwrap();
    let frames = all_frames(&world, anna, private.log).await;
    let failed = frames
        .iter()
        .find(|f| f["type"] == "schedule_failed")
        .unwrap();
    assert_eq!(failed["code"], "internal");
}
