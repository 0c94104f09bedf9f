//! A device's live connection without a socket.

#![allow(clippy::unwrap_used)] // a failed step fails the test

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{HERE, World};
use melo_domain::{LogId, Seq};
use melo_realtime::{Member, Outbound, Outbox, Registration};
use melo_services::Caller;
use melo_services::live::{LiveError, LiveSession, Step};
use melo_services::messages::{self, Destination, Progress, SendInput};
use melo_storage::Appended;
use serde_json::Value;
use serde_json::value::RawValue;

async fn send(world: &World, from: Caller, to: Caller, text: &str) -> Appended {
    let payload = RawValue::from_string(format!("\"{text}\"")).unwrap();
    let input = SendInput {
        to: Destination::Person(to.uid),
        payload: &payload,
        client_id: None,
    };
    messages::send(&world.core, from, input)
        .await
        .unwrap()
        .receipt
        .await
        .unwrap()
}

/// A connection as the edge keeps one.
struct Connected {
    live: LiveSession,
    outbox: Arc<Outbox>,
    _registration: Registration,
}

impl Connected {
    async fn new(world: &World, caller: Caller) -> Self {
        let outbox = Arc::new(Outbox::default());
        let hub = world.core.hub();
        let member = Member {
            uid: caller.uid,
            device: caller.device,
            session: caller.session,
        };
        let registration = hub.register(member, HERE, Arc::clone(&outbox)).unwrap();
        let live = LiveSession::start(Arc::clone(&world.core), caller)
            .await
            .unwrap();
        Self {
            live,
            outbox,
            _registration: registration,
        }
    }

    /// What reading the log gives, to its end.
    async fn catch_up(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        while self.live.has_backlog() {
            let page = self.live.next_page().await.unwrap();
            frames.extend(page.iter().map(|outgoing| parse(&outgoing.frame)));
        }
        frames
    }

    /// The next frames of the hub that are to be written.
    async fn written(&mut self) -> Vec<Value> {
        loop {
            let frames = self.queued().await;
            if !frames.is_empty() {
                return frames;
            }
        }
    }

    /// What the hub has queued, as far as it is to be written. Waits until something is queued.
    async fn queued(&mut self) -> Vec<Value> {
        self.outbox.ready().await;
        let mut queued = Vec::new();
        assert_eq!(self.outbox.drain(&mut queued), None);
        let mut frames = Vec::new();
        for outbound in queued {
            match outbound {
                Outbound::Event(event) => {
                    if let Step::Send(frame) = self.live.accept(&event) {
                        frames.push(parse(&frame));
                    }
                }
                Outbound::Frame(frame) => frames.push(parse(&frame)),
                Outbound::KeyPublished(_) => {}
            }
        }
        frames
    }
}

fn parse(frame: &impl AsRef<[u8]>) -> Value {
    serde_json::from_slice(frame.as_ref()).unwrap()
}

fn texts(frames: &[Value]) -> Vec<&str> {
    frames
        .iter()
        .filter(|f| f["type"] == "relay_delivery")
        .map(|f| f["payload"].as_str().unwrap())
        .collect()
}

fn cursors(log: LogId, seq: Seq) -> BTreeMap<LogId, Seq> {
    [(log, seq)].into()
}

#[tokio::test(flavor = "multi_thread")]
async fn live_events_follow_what_was_read_without_gap_or_repeat() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    send(&world, anna, boris, "one").await;
    let mut there = Connected::new(&world, boris).await;
    // Committed after the positions were read and before the log was: it may be in both, and comes once.
    send(&world, anna, boris, "two").await;
    let mut frames = there.catch_up().await;
    assert_eq!(frames.last().unwrap()["type"], "synced");
    if texts(&frames).len() == 1 {
        // Its sender is answered before the others are told.
        frames.extend(there.written().await);
    }
    assert_eq!(texts(&frames), ["one", "two"]);
    send(&world, anna, boris, "three").await;
    assert_eq!(texts(&there.written().await), ["three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_read_from_the_log() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let mut there = Connected::new(&world, boris).await;
    there.catch_up().await;
    send(&world, anna, boris, "lost on the bus").await;
    there.outbox.ready().await;
    let mut dropped = Vec::new();
    there.outbox.drain(&mut dropped);
    send(&world, anna, boris, "arrives").await;
    assert!(
        texts(&there.queued().await).is_empty(),
        "nothing is written out of order"
    );
    assert_eq!(
        texts(&there.catch_up().await),
        ["lost on the bus", "arrives"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_message_comes_back_as_its_answer() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let other_device = world.login(anna.uid, 2).await;
    let sent = send(&world, anna, boris, "mine").await;
    let answers = Connected::new(&world, anna).await.catch_up().await;
    let answer = answers.iter().find(|f| f["type"] == "msg_status").unwrap();
    assert_eq!(
        (answer["status"].as_str(), answer["seq"].as_u64()),
        (Some("queued"), Some(sent.seq))
    );
    assert!(texts(&answers).is_empty());
    let elsewhere = Connected::new(&world, other_device).await.catch_up().await;
    assert_eq!(texts(&elsewhere), ["mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_message_answered_live_is_not_answered_again() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let mut there = Connected::new(&world, anna).await;
    there.catch_up().await;
    there.live.pinged();
    there.live.ponged().await.unwrap();
    send(&world, anna, boris, "mine").await;
    there.queued().await;
    let again = Connected::new(&world, anna).await.catch_up().await;
    assert!(again.iter().all(|f| f["type"] != "msg_status"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_starts_from_the_clients_cursor_even_beyond_the_end() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let first = send(&world, anna, boris, "one").await;
    send(&world, anna, boris, "two").await;
    let mut there = Connected::new(&world, boris).await;
    there.catch_up().await;
    there.live.resume(&cursors(first.log, 1)).await.unwrap();
    assert_eq!(texts(&there.catch_up().await), ["two"]);
    there.live.resume(&cursors(first.log, 900)).await.unwrap();
    let end = there.catch_up().await;
    assert_eq!(end.last().unwrap()["cursors"][first.log.to_string()], 2);
    send(&world, anna, boris, "three").await;
    assert_eq!(
        texts(&there.written().await),
        ["three"],
        "a cursor beyond the end swallows nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_events_are_not_sent_to_the_next_connection() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let sent = send(&world, anna, boris, "one").await;
    let mut first = Connected::new(&world, boris).await;
    first.catch_up().await;
    let beyond = first
        .live
        .acknowledge(sent.log, 99, Progress::Delivered)
        .await;
    assert!(matches!(beyond, Err(LiveError::BeyondSent)));
    first
        .live
        .acknowledge(sent.log, sent.seq, Progress::Read)
        .await
        .unwrap();
    // Before the positions are on disk, and after.
    assert!(texts(&Connected::new(&world, boris).await.catch_up().await).is_empty());
    world.core.flush().await.unwrap();
    assert!(texts(&Connected::new(&world, boris).await.catch_up().await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_acknowledges_confirms_by_answering_a_later_ping() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let mut sender = Connected::new(&world, anna).await;
    sender.catch_up().await;
    let sent = send(&world, anna, boris, "one").await;
    let mut silent = Connected::new(&world, boris).await;
    silent.catch_up().await;
    assert!(silent.live.wants_ping());
    // A pong of an earlier ping says nothing about what was written after it.
    silent.live.ponged().await.unwrap();
    assert_eq!(
        texts(&Connected::new(&world, boris).await.catch_up().await),
        ["one"]
    );
    silent.live.pinged();
    silent.live.ponged().await.unwrap();
    assert!(texts(&Connected::new(&world, boris).await.catch_up().await).is_empty());
    let told = sender.written().await;
    let delivered = told.iter().find(|f| f["status"] == "delivered").unwrap();
    assert_eq!(delivered["seq"].as_u64(), Some(sent.seq));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_absence_is_read_in_pages_and_in_order() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let expected: Vec<String> = (0..250).map(|n| format!("message {n}")).collect();
    for text in &expected {
        send(&world, anna, boris, text).await;
    }
    let missed = Connected::new(&world, boris).await.catch_up().await;
    assert_eq!(texts(&missed), expected);
}
