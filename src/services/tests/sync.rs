//! Synchronisation of many devices: what it costs, and that nothing is lost or told to who is not there.

#![allow(clippy::unwrap_used)] // a failed step fails the test

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{HERE, World};
use melo_domain::{ChatRole, DeviceHandle, EventKind, LogId, LogKind, Seq, Uid};
use melo_realtime::{BusMessage, LiveEvent, Member, Outbound, Outbox, Registration};
use melo_services::Caller;
use melo_services::live::{self, LiveSession, Step};
use melo_services::messages::{self, Destination, SendInput};
use melo_services::receipts::{self, Acknowledged};
use melo_storage::logs::NewMember;
use melo_storage::{ConnectionTrait, NewEvent, Target, events, logs};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A group as the chat services keep one.
struct Group {
    log: LogId,
    members: Vec<Uid>,
}

impl Group {
    async fn new(world: &World, members: &[Uid]) -> Self {
        let log = LogId::from_random(melo_crypto::random::u64());
        let (store, now) = (&world.store, world.core.now());
        let tx = store.db.begin().await.unwrap();
        let made = logs::create(&tx, &store.keys, log, LogKind::Group, members, now).await;
        made.unwrap();
        tx.commit().await.unwrap();
        Self {
            log,
            members: members.to_vec(),
        }
    }

    /// Commits an event, and leaves it at that: as if the bus had lost it, or the server had started anew since.
    async fn append_unheard(&self, world: &World, new: NewEvent) -> BusMessage {
        let (store, now) = (&world.store, world.core.now());
        let tx = store.db.begin().await.unwrap();
        let event = events::append(&tx, &store.keys, new, now).await.unwrap();
        tx.commit().await.unwrap();
        BusMessage::Event {
            event: Arc::new(LiveEvent::new(event, LogKind::Group)),
            audience: self.members.as_slice().into(),
        }
    }

    async fn append(&self, world: &World, new: NewEvent) {
        let message = self.append_unheard(world, new).await;
        world.bus.publish(message);
    }

    fn text(&self, from: Uid, text: &str) -> NewEvent {
        NewEvent::new(self.log, EventKind::Message, from, json!(text).to_string())
    }

    async fn say(&self, world: &World, from: Uid, text: &str) {
        self.append(world, self.text(from, text)).await;
    }

    /// Puts somebody in, without the history before.
    async fn join(&mut self, world: &World, uid: Uid) -> Seq {
        self.members.push(uid);
        let (store, now) = (&world.store, world.core.now());
        let tx = store.db.begin().await.unwrap();
        let body = json!({"user_id": uid, "role": "member", "by": uid, "how": "added"});
        let new = NewEvent::new(self.log, EventKind::MemberJoined, uid, body.to_string());
        let event = events::append(&tx, &store.keys, new, now).await.unwrap();
        let seq = event.seq;
        let member = NewMember {
            uid,
            role: ChatRole::Member,
            from_seq: seq,
        };
        let added = logs::add_member(&tx, &store.keys, self.log, member, now).await;
        added.unwrap();
        tx.commit().await.unwrap();
        world.bus.publish(BusMessage::Event {
            event: Arc::new(LiveEvent::new(event, LogKind::Group)),
            audience: self.members.as_slice().into(),
        });
        seq
    }

    /// Takes somebody out, who is told that and nothing more.
    async fn part(&mut self, world: &World, uid: Uid) {
        let body = json!({"user_id": uid, "by": uid, "how": "left"});
        let new = NewEvent::new(self.log, EventKind::MemberLeft, uid, body.to_string());
        let (store, now) = (&world.store, world.core.now());
        let tx = store.db.begin().await.unwrap();
        logs::remove_member(&tx, self.log, uid).await.unwrap();
        let event = events::append(&tx, &store.keys, new, now).await.unwrap();
        tx.commit().await.unwrap();
        world.bus.publish(BusMessage::Event {
            event: Arc::new(LiveEvent::new(event, LogKind::Group)),
            audience: self.members.as_slice().into(),
        });
        self.members.retain(|member| *member != uid);
    }
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
        let member = Member {
            uid: caller.uid,
            device: caller.device,
            session: caller.session,
        };
        let hub = world.core.hub();
        let registration = hub.register(member, HERE, Arc::clone(&outbox)).unwrap();
        let live = LiveSession::start(Arc::clone(&world.core), caller);
        Self {
            live: live.await.unwrap(),
            outbox,
            _registration: registration,
        }
    }

    /// Everything that is there to be written, to its end.
    async fn all(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let mut queued = Vec::new();
            assert_eq!(self.outbox.drain(&mut queued), None);
            let idle = queued.is_empty();
            for outbound in queued {
                if let Outbound::Event(event) = outbound
                    && let Step::Send(frame) = self.live.accept(&event)
                {
                    frames.push(serde_json::from_str(&frame).unwrap());
                }
            }
            if self.live.has_backlog() {
                let page = self.live.next_page().await.unwrap();
                frames.extend(
                    page.iter()
                        .map(|o| serde_json::from_str::<Value>(&o.frame).unwrap()),
                );
            } else if idle {
                return frames;
            }
        }
    }
}

/// One of any number of devices of a person.
fn device(caller: Caller, n: u64) -> Caller {
    Caller {
        device: DeviceHandle::from_random(2 * n + 2),
        ..caller
    }
}

fn of_log(frames: &[Value], log: LogId) -> Vec<&Value> {
    let log = log.to_string();
    frames.iter().filter(|f| f["log"] == log).collect()
}

fn seqs(frames: &[Value], log: LogId) -> Vec<u64> {
    let of_log = of_log(frames, log).into_iter();
    of_log.filter_map(|f| f["seq"].as_u64()).collect()
}

fn count(world: &World) -> u64 {
    world.statements.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_many_devices_missed_is_read_once() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let group = Group::new(&world, &[anna.uid, Uid::from_random(5)]).await;
    for n in 1..=50 {
        let new = group.text(Uid::from_random(5), &format!("message {n}"));
        group.append_unheard(&world, new).await;
    }
    let mut sessions = Vec::new();
    for n in 0..500 {
        sessions.push(Connected::new(&world, device(anna, n)).await);
    }
    let before = count(&world);
    let reading = sessions.into_iter().map(|mut session| {
        tokio::spawn(async move {
            let frames = session.all().await;
            (frames, session)
        })
    });
    for reader in reading.collect::<Vec<_>>() {
        let (frames, _session) = reader.await.unwrap();
        assert_eq!(seqs(&frames, group.log), (1..=50).collect::<Vec<_>>());
    }
    // One page, of which first the sizes are asked.
    assert_eq!(count(&world) - before, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn devices_that_connect_amid_commits_get_every_event_once_and_in_order() {
    const MESSAGES: u64 = 300;
    const DEVICES: u64 = 400;
    let world = Arc::new(World::new().await);
    let (anna, boris) = world.pair().await;
    let payload = RawValue::from_string("\"text\"".to_owned()).unwrap();
    let send = async |world: &World| {
        let input = SendInput {
            to: Destination::Person(boris.uid),
            payload: &payload,
            client_id: None,
        };
        let accepted = messages::send(&world.core, anna, input).await.unwrap();
        accepted.receipt.await.unwrap()
    };
    let log = send(&world).await.log;
    let before = count(&world);
    let readers: Vec<_> = (0..DEVICES)
        .map(|n| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                for _ in 0..n {
                    tokio::task::yield_now().await;
                }
                let mut session = Connected::new(&world, device(boris, 1000 + n)).await;
                let mut seen = Vec::new();
                while seen.last() != Some(&MESSAGES) {
                    seen.extend(seqs(&session.all().await, log));
                    if seen.last() != Some(&MESSAGES) {
                        session.outbox.ready().await;
                    }
                }
                seen
            })
        })
        .collect();
    for _ in 2..=MESSAGES {
        send(&world).await;
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (1..=MESSAGES).collect::<Vec<_>>());
    }
    // A statement for each message, one for each start, and the pages: the end of the log may be read once after each
    // commit, by whoever sees it before the memory has heard of it. That does not grow with the devices.
    let pages = count(&world) - before - (MESSAGES - 1) - DEVICES;
    assert!(pages <= 2 * MESSAGES, "{pages} statements for pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_page_is_not_taken_for_the_end() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let group = Group::new(&world, &[anna.uid, other]).await;
    group.say(&world, other, "one").await;
    let mut first = Connected::new(&world, device(anna, 1)).await;
    assert_eq!(seqs(&first.all().await, group.log), [1]);
    // Committed, but never heard of by the memory.
    group.append_unheard(&world, group.text(other, "two")).await;
    let mut second = Connected::new(&world, device(anna, 2)).await;
    assert_eq!(seqs(&second.all().await, group.log), [1, 2]);
    // The first one learns of it with the next event, or when it asks.
    assert_eq!(seqs(&first.all().await, group.log), [0; 0]);
    first.live.resume(&BTreeMap::new()).await.unwrap();
    assert_eq!(seqs(&first.all().await, group.log), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_not_remembered() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let group = Group::new(&world, &[anna.uid, other]).await;
    for text in ["one", "secret", "three"] {
        group.say(&world, other, text).await;
    }
    let first = Connected::new(&world, device(anna, 1)).await.all().await;
    assert!(first.iter().any(|frame| frame["payload"] == "secret"));
    let deletion = NewEvent {
        target: Some(Target::Erases(2)),
        ..NewEvent::new(group.log, EventKind::Delete, other, r#"{"message_id":"m"}"#)
    };
    group.append(&world, deletion).await;
    let second = Connected::new(&world, device(anna, 2)).await.all().await;
    assert_eq!(seqs(&second, group.log), [1, 2, 3, 4]);
    assert_eq!(of_log(&second, group.log)[1]["type"], "delete");
    assert!(second.iter().all(|frame| frame["payload"] != "secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_joined_while_connected_arrives_live_from_its_joining_on() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let mut group = Group::new(&world, &[other]).await;
    group.say(&world, other, "before").await;
    let mut there = Connected::new(&world, anna).await;
    there.all().await;
    assert_eq!(group.join(&world, anna.uid).await, 2);
    group.say(&world, other, "welcome").await;
    let frames = there.all().await;
    let kinds: Vec<_> = frames.iter().map(|f| f["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["member_joined", "relay_delivery"], "{frames:?}");
    assert_eq!(seqs(&frames, group.log), [2, 3]);
    // What was before is not to be had either.
    there
        .live
        .resume(&BTreeMap::from([(group.log, 0)]))
        .await
        .unwrap();
    let frames = there.all().await;
    assert_eq!(frames[0]["type"], "reset");
    assert_eq!(frames[0]["first_seq"], 2);
    assert_eq!(seqs(&frames, group.log), [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_out_gets_nothing_behind_their_leaving_until_they_are_back() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let mut group = Group::new(&world, &[anna.uid, other]).await;
    let second = Group::new(&world, &[anna.uid, other]).await;
    group.say(&world, other, "one").await;
    let mut there = Connected::new(&world, device(anna, 1)).await;
    let mut away = Connected::new(&world, device(anna, 2)).await;
    assert_eq!(seqs(&there.all().await, group.log), [1]);
    let first = away.all().await;
    assert_eq!(seqs(&first, group.log), [1]);
    let mark = (group.log, 1);
    let has = Acknowledged {
        delivered: BTreeMap::from([mark]),
        ..Acknowledged::default()
    };
    receipts::acknowledge(&world.core, device(anna, 2), &has)
        .await
        .unwrap();
    drop(away);

    group.part(&world, anna.uid).await;
    group.say(&world, other, "without her").await;
    let frames = there.all().await;
    assert_eq!(seqs(&frames, group.log), [2]);
    assert_eq!(frames[0]["type"], "member_left");

    // Behind in two logs when she leaves one of them and comes back: both go on.
    assert_eq!(group.join(&world, anna.uid).await, 4);
    second.say(&world, other, "elsewhere").await;
    let frames = there.all().await;
    assert_eq!(seqs(&frames, group.log), [4]);
    assert_eq!(seqs(&frames, second.log), [1]);
    let mut late = Connected::new(&world, device(anna, 2)).await;
    let frames = late.all().await;
    let of_group = of_log(&frames, group.log);
    assert_eq!(of_group[0]["type"], "reset", "it was there before");
    assert_eq!(of_group[0]["first_seq"], 4);
    assert_eq!(seqs(&frames, group.log), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_resumes_behind_their_own_removal() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let mut group = Group::new(&world, &[anna.uid, other]).await;
    group.say(&world, other, "one").await;
    let mut there = Connected::new(&world, anna).await;
    there.all().await;
    // Before the connection has seen the event of it, and however often it asks.
    group.part(&world, anna.uid).await;
    for n in 1..=5 {
        group.say(&world, other, &format!("without her {n}")).await;
    }
    for from in [3, 2, 900, 0] {
        let cursors = BTreeMap::from([(group.log, from)]);
        there.live.resume(&cursors).await.unwrap();
        while there.live.has_backlog() {
            let page = there.live.next_page().await.unwrap();
            let beyond = page.iter().filter_map(|outgoing| outgoing.mark);
            assert!(
                beyond
                    .filter(|(log, _)| *log == group.log)
                    .all(|(_, seq)| seq <= 2)
            );
        }
    }
    let frames = there.all().await;
    assert!(
        seqs(&frames, group.log).iter().all(|seq| *seq <= 2),
        "{frames:?}"
    );
    // Guessed beyond the end while she still was in it: the end is where she goes on.
    group.join(&world, anna.uid).await;
    there.all().await;
    there
        .live
        .resume(&BTreeMap::from([(group.log, 10)]))
        .await
        .unwrap();
    group.part(&world, anna.uid).await;
    group.say(&world, other, "ten").await;
    group.say(&world, other, "eleven").await;
    let frames = there.all().await;
    let kinds = frames.iter().filter(|f| f["type"] == "member_left");
    assert_eq!(kinds.count(), 1, "{frames:?}");
    assert!(frames.iter().all(|f| f["type"] != "relay_delivery"));
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_and_coming_back_while_behind_loses_no_other_log() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let mut group = Group::new(&world, &[anna.uid, other]).await;
    let second = Group::new(&world, &[anna.uid, other]).await;
    let mut there = Connected::new(&world, anna).await;
    there.all().await;
    group
        .append_unheard(&world, group.text(other, "lost on the bus"))
        .await;
    second
        .append_unheard(&world, second.text(other, "lost too"))
        .await;
    group.part(&world, anna.uid).await;
    second.say(&world, other, "heard").await;
    group.join(&world, anna.uid).await;
    let frames = there.all().await;
    assert_eq!(seqs(&frames, group.log), [1, 2, 3], "{frames:?}");
    assert_eq!(seqs(&frames, second.log), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_beginning_is_gone_is_reset() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let group = Group::new(&world, &[anna.uid, other]).await;
    for n in 1..=5 {
        let new = group.text(other, &n.to_string());
        group.append_unheard(&world, new).await;
    }
    let mut before = Connected::new(&world, device(anna, 1)).await;
    for sql in [
        format!("DELETE FROM events WHERE log = {} AND seq <= 3", group.log),
        format!("UPDATE logs SET pruned_seq = 3 WHERE id = {}", group.log),
    ] {
        let db = world.store.db.write();
        db.execute_unprepared(&sql).await.unwrap();
    }
    // One that was connected already, and one that comes now.
    let mut after = Connected::new(&world, device(anna, 2)).await;
    for session in [&mut before, &mut after] {
        let frames = session.all().await;
        let of_group = of_log(&frames, group.log);
        assert_eq!(of_group[0]["type"], "reset");
        assert_eq!(of_group[0]["first_seq"], 4);
        assert_eq!(seqs(&frames, group.log), [4, 5]);
        let synced = frames.last().unwrap();
        assert_eq!(synced["cursors"][group.log.to_string()], 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_names_many_logs_in_one_exchange() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let mut groups = Vec::new();
    for _ in 0..40 {
        let group = Group::new(&world, &[anna.uid, other]).await;
        for n in 1..=4 {
            group.say(&world, other, &n.to_string()).await;
        }
        groups.push(group);
    }
    let mut there = Connected::new(&world, anna).await;
    let cursors = groups.iter().zip((0..=4).cycle());
    let cursors: BTreeMap<LogId, Seq> = cursors.map(|(g, n)| (g.log, n)).collect();
    let before = count(&world);
    there.live.resume(&cursors).await.unwrap();
    let frames = there.all().await;
    for (log, from) in cursors {
        assert_eq!(seqs(&frames, log), (from + 1..=4).collect::<Vec<_>>());
    }
    assert_eq!(frames.iter().filter(|f| f["type"] == "synced").count(), 1);
    assert_eq!(
        count(&world) - before,
        1,
        "the list of logs; what is in them is remembered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_costs_the_same_whatever_is_in_it() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let other = Uid::from_random(5);
    let mut logs = Vec::new();
    let mut costs = Vec::new();
    for round in 1..=2 {
        for _ in 0..15 * round {
            let mut group = Group::new(&world, &[other]).await;
            group.say(&world, other, "before").await;
            group.join(&world, anna.uid).await;
            for _ in 0..3 {
                group.say(&world, other, "text").await;
            }
            logs.push(group.log);
        }
        let before = count(&world);
        let page = live::snapshot(&world.core, anna, None, 100).await.unwrap();
        costs.push(count(&world) - before);
        assert_eq!(page.logs.len(), logs.len() + 2);
        assert!(page.next.is_none());
        for log in &logs {
            let view = page.logs.iter().find(|view| view.log == *log).unwrap();
            assert_eq!((view.first_seq, view.last_seq, view.unread), (2, 5, 3));
            let last = view.last.unwrap();
            assert_eq!((last.seq, last.header.sender), (5, other));
            assert_eq!(last.at, Some(world.core.now()));
        }
        let direct = page
            .logs
            .iter()
            .find(|v| v.kind == LogKind::Direct)
            .unwrap();
        assert_eq!(direct.peer, Some(boris.uid));
        assert!(direct.last.is_none());
        let private = page.logs.iter().find(|v| v.kind == LogKind::Private);
        assert_eq!(private.unwrap().log, page.private_log);
    }
    assert_eq!(costs, [5, 5]);

    // In pages, each log once.
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = live::snapshot(&world.core, anna, after, 7).await.unwrap();
        seen.extend(page.logs.iter().map(|view| view.log));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), logs.len() + 2);
    assert!(seen.is_sorted_by(|a, b| a < b));
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_moved_by_a_call_go_forward_only_and_not_beyond_the_end() {
    let world = World::new().await;
    let anna = world.person("+79990000001").await;
    let other = Uid::from_random(5);
    let group = Group::new(&world, &[anna.uid, other]).await;
    let stranger = Group::new(&world, &[other]).await;
    for n in 1..=4 {
        group.say(&world, other, &n.to_string()).await;
    }
    let acknowledge = async |delivered: u64, read: u64| {
        let said = Acknowledged {
            delivered: BTreeMap::from([(group.log, delivered), (stranger.log, 1)]),
            read: BTreeMap::from([(group.log, read)]),
        };
        let stand = receipts::acknowledge(&world.core, anna, &said)
            .await
            .unwrap();
        assert_eq!(stand.len(), 1, "not hers, not told");
        (stand[&group.log].delivered, stand[&group.log].read)
    };
    assert_eq!(acknowledge(2, 0).await, (2, 0));
    assert_eq!(acknowledge(1, 0).await, (2, 0));
    assert_eq!(acknowledge(0, 3).await, (3, 3));
    assert_eq!(acknowledge(900, 1).await, (4, 3));
    let mut next = Connected::new(&world, anna).await;
    assert_eq!(seqs(&next.all().await, group.log), [0; 0]);
    let page = live::snapshot(&world.core, anna, None, 10).await.unwrap();
    let view = page.logs.iter().find(|view| view.log == group.log).unwrap();
    assert_eq!(view.unread, 1);
}
