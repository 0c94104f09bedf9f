//! Groups and channels: what lists cost, how large things grow, who may ask whom, what becomes of chats of people who
//! leave, and of chats' keys when devices do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a failed helper fails the test

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{PASSWORD, World, origin};
use melo_domain::{ChatRole, DeviceHandle, EventKind, LogId, LogKind, Secret, Uid};
use melo_protocol::MAX_ENVELOPE_KEYS;
use melo_services::access::Credentials;
use melo_services::chats::{self, Addition, ChatChange, ChatError, ChatsPage, KeyInput, NewChat};
use melo_services::messages::{self, Destination, MessageError, SendInput};
use melo_services::{Caller, ChatLimits, Core, Policy, account, people};
use melo_storage::devices::{self, PublishedDevice};
use melo_storage::{accounts, chat_members, events};
use serde_json::value::RawValue;
use serde_json::{Value, json};

const ALL: ChatsPage = ChatsPage::Numbered {
    page: 1,
    per_page: 100,
};

fn new_chat(kind: LogKind, members: &[Caller]) -> NewChat {
    NewChat {
        kind,
        title: "Choir practice".parse().unwrap(),
        description: None,
        is_public: true,
        members: members.iter().map(|m| m.uid).collect(),
    }
}

async fn group(core: &Core, owner: Caller, members: &[Caller]) -> LogId {
    let new = new_chat(LogKind::Group, members);
    let made = chats::create(core, owner, &origin(), &new).await.unwrap();
    assert!(made.invited.is_empty());
    made.log
}

async fn say(core: &Core, from: Caller, log: LogId) {
    let payload = RawValue::from_string("\"text\"".to_owned()).unwrap();
    let input = SendInput {
        to: Destination::Chat(log),
        payload: &payload,
        client_id: None,
    };
    let sent = messages::send(core, from, input).await.unwrap();
    sent.receipt.await.unwrap();
}

/// What a person's private log says of one kind.
async fn notices(world: &World, uid: Uid, kind: EventKind) -> Vec<Value> {
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let account = accounts::find(db, keys, uid).await.unwrap().unwrap();
    log_of(world, account.private_log, kind).await
}

async fn log_of(world: &World, log: LogId, kind: EventKind) -> Vec<Value> {
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let page = events::after(db, keys, log, 0, 10_000, usize::MAX)
        .await
        .unwrap();
    let found = page.events.iter().filter(|event| event.kind == kind);
    found
        .map(|event| serde_json::from_str(&event.payload).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_fast_for_slow_mode_learns_how_long_is_left() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let log = group(core, anna, &[boris]).await;
    let change = ChatChange {
        slow_mode: Some(30),
        ..ChatChange::default()
    };
    chats::update(core, anna, log, &change).await.unwrap();
    say(core, boris, log).await;
    let payload = RawValue::from_string("\"text\"".to_owned()).unwrap();
    let left = async || {
        let input = SendInput {
            to: Destination::Chat(log),
            payload: &payload,
            client_id: None,
        };
        let refused = messages::send(core, boris, input).await.err();
        let Some(MessageError::Chat(ChatError::SlowMode(left))) = refused else {
            panic!("{refused:?}");
        };
        left
    };
    assert_eq!(left().await, 30);
    world.pass(Duration::from_secs(12));
    assert_eq!(left().await, 18);
    world.pass(Duration::from_millis(17_999));
    assert_eq!(left().await, 1);
    world.pass(Duration::from_millis(1));
    say(core, boris, log).await;
    assert_eq!(left().await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_chats_members_and_keys_cost_the_same_whatever_they_hold() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let mut costs = Vec::new();
    let mut first = None;
    for round in 0..2 {
        for _ in 0..=(round * 11) {
            let log = group(core, anna, &[boris]).await;
            say(core, boris, log).await;
            first.get_or_insert(log);
        }
        for n in 0..(round * 12) {
            let friend = world.person(&format!("+7999200{n:04}")).await;
            world.befriend(anna, friend).await;
            let log = first.unwrap();
            chats::add_member(core, anna, log, friend.uid)
                .await
                .unwrap();
        }
        let log = first.unwrap();
        // The members are remembered after the first call.
        chats::members(core, anna, log, None, 100).await.unwrap();
        world.statements.store(0, Ordering::Relaxed);
        let (list, total) = chats::list(core, anna, ALL).await.unwrap();
        let listed = world.statements.swap(0, Ordering::Relaxed);
        let members = chats::members(core, anna, log, None, 100).await.unwrap();
        let of_members = world.statements.swap(0, Ordering::Relaxed);
        let keys = chats::key_directory(core, anna, log, None, 100)
            .await
            .unwrap();
        let of_keys = world.statements.swap(0, Ordering::Relaxed);
        assert_eq!(list.len(), 1 + 12 * round);
        assert_eq!(total, list.len() as u64);
        assert!(
            list.iter()
                .all(|card| card.unread == 1 && card.last_message.is_some())
        );
        assert_eq!(members.len(), 2 + 12 * round);
        assert_eq!(keys.len(), members.len());
        costs.push([listed, of_members, of_keys]);
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0].iter().all(|n| *n <= 12), "{costs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_and_people_have_their_limits() {
    let limits = ChatLimits {
        group_members: 2,
        channel_members: 3,
        per_person: 3,
        owned: 2,
        invites: 1,
    };
    let world = World::with(Policy {
        chats: limits,
        open_calls: melo_services::Window {
            count: 10_000,
            ..Policy::default().open_calls
        },
        ..Policy::default()
    })
    .await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let clara = world.person("+79990000003").await;
    world.befriend(anna, clara).await;
    world.befriend(boris, clara).await;
    let reached = |done: Result<Addition, ChatError>| {
        assert!(matches!(done, Err(ChatError::LimitReached(_))), "{done:?}");
    };
    let log = group(core, anna, &[boris]).await;
    reached(chats::add_member(core, anna, log, clara.uid).await);
    let new = new_chat(LogKind::Channel, &[boris, clara]);
    let channel = chats::create(core, anna, &origin(), &new)
        .await
        .unwrap()
        .log;
    let third = chats::create(core, anna, &origin(), &new).await;
    assert!(matches!(third, Err(ChatError::LimitReached(_))), "owned");
    let life = Duration::from_secs(60);
    chats::create_invite(core, anna, &origin(), log, life, None)
        .await
        .unwrap();
    let second = chats::create_invite(core, anna, &origin(), log, life, None).await;
    assert!(matches!(second, Err(ChatError::LimitReached(_))), "invites");
    // Boris is in two; his own is the third, and there is no fourth.
    let own = group(core, boris, &[]).await;
    let done = chats::create(core, boris, &origin(), &new_chat(LogKind::Group, &[])).await;
    assert!(matches!(done, Err(ChatError::LimitReached(_))), "{done:?}");
    chats::leave(core, boris, channel).await.unwrap();
    let done = chats::transfer(core, boris, &origin(), own, clara.uid).await;
    assert!(
        matches!(done, Err(ChatError::NotFound)),
        "no member: {done:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_keep_invitations_away_and_are_not_told() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let clara = world.person("+79990000003").await;
    let log = group(core, anna, &[]).await;
    people::block(core, boris, &origin(), anna.uid)
        .await
        .unwrap();
    people::block(core, clara, &origin(), anna.uid)
        .await
        .unwrap();
    // A contact and a stranger who have blocked the caller look like strangers who are asked.
    for whom in [boris, clara] {
        let done = chats::add_member(core, anna, log, whom.uid).await.unwrap();
        assert_eq!(done, Addition::Invited);
        assert!(
            chats::list_invitations(core, whom)
                .await
                .unwrap()
                .is_empty()
        );
        let told = notices(&world, whom.uid, EventKind::ChatInvitation).await;
        assert!(told.is_empty(), "{told:?}");
    }
    assert_eq!(
        chat_members::count(world.store.db.read(), log)
            .await
            .unwrap(),
        1
    );
    people::block(core, anna, &origin(), clara.uid)
        .await
        .unwrap();
    let done = chats::add_member(core, anna, log, clara.uid).await;
    assert!(matches!(done, Err(ChatError::Blocked)), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_of_a_deleted_account_go_to_the_longest_serving() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let clara = world.person("+79990000003").await;
    world.befriend(anna, clara).await;
    let alone = group(core, anna, &[]).await;
    let to_oldest = group(core, anna, &[]).await;
    let to_admin = group(core, anna, &[]).await;
    let of_boris = group(core, boris, &[anna]).await;
    for log in [to_oldest, to_admin] {
        for friend in [clara, boris] {
            chats::add_member(core, anna, log, friend.uid)
                .await
                .unwrap();
            world.pass(Duration::from_secs(60));
        }
    }
    chats::set_role(core, anna, &origin(), to_admin, boris.uid, ChatRole::Admin)
        .await
        .unwrap();
    let shown = Credentials {
        password: Secret::new(PASSWORD.to_owned()),
        code: None,
    };
    account::delete(core, anna, &origin(), shown).await.unwrap();
    assert_eq!(
        chats::view(core, clara, to_oldest)
            .await
            .unwrap()
            .chat
            .owner,
        clara.uid
    );
    assert_eq!(
        chats::view(core, boris, to_admin).await.unwrap().chat.owner,
        boris.uid
    );
    assert_eq!(chats::view(core, boris, of_boris).await.unwrap().members, 1);
    for log in [to_oldest, to_admin, of_boris] {
        let left = log_of(&world, log, EventKind::MemberLeft).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["user_id"], anna.uid.to_string());
        assert_eq!(left[0]["how"], "deleted");
    }
    let db = world.store.db.read();
    assert!(chat_members::all(db, alone).await.unwrap().is_empty());
    let gone = melo_storage::chats::find(db, &world.store.keys, alone).await;
    assert!(gone.unwrap().is_none());
    // Who is the owner now may do what an owner may.
    chats::delete(core, clara, &origin(), to_oldest)
        .await
        .unwrap();
    let told = notices(&world, boris.uid, EventKind::ChatRemoved).await;
    assert_eq!(told.last().unwrap()["how"], "deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_let_read_what_was_before_reads_it_also_after_coming_back() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let log = group(core, anna, &[boris]).await;
    say(core, anna, log).await;
    chats::leave(core, boris, log).await.unwrap();
    say(core, anna, log).await;
    let change = ChatChange {
        share_history: Some(true),
        ..ChatChange::default()
    };
    chats::update(core, anna, log, &change).await.unwrap();
    chats::add_member(core, anna, log, boris.uid).await.unwrap();
    say(core, anna, log).await;
    let mut session = melo_services::live::LiveSession::start(std::sync::Arc::clone(core), boris)
        .await
        .unwrap();
    let mut frames = Vec::new();
    while session.has_backlog() {
        frames.extend(session.next_page().await.unwrap());
    }
    let deliveries = frames
        .iter()
        .filter(|f| f.frame.contains("relay_delivery"))
        .count();
    assert_eq!(deliveries, 3, "{frames:?}");
}

/// So many more devices of a person, as far as the server looks at them; the names of their keys.
async fn publish_devices(world: &World, of: Caller, count: usize) -> Vec<String> {
    let (keys, now) = (&world.store.keys, world.core.now());
    let tx = world.store.db.begin().await.unwrap();
    let mut kids = Vec::new();
    for n in 0..count {
        let handle = DeviceHandle::from_random(melo_crypto::random::u64());
        // Not the ids that other devices of tests have.
        let id = format!("{:016x}", n + 1_000_000).parse().unwrap();
        devices::insert(&tx, keys, handle, of.uid, &id, now)
            .await
            .unwrap();
        let device = PublishedDevice {
            uid: of.uid,
            handle,
            kid: format!("{n:032x}"),
            encryption_key: vec![1],
            signing_key: vec![2],
            signature: vec![3],
        };
        devices::publish(&tx, keys, &device).await.unwrap();
        kids.push(device.kid);
    }
    tx.commit().await.unwrap();
    kids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_more_devices_than_one_envelope_names_comes_in_parts() {
    const DEVICES: usize = 2 * MAX_ENVELOPE_KEYS + 76;
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let kids = publish_devices(&world, boris, DEVICES).await;
    let log = group(core, anna, &[boris]).await;
    let envelope = |kids: &[String]| {
        let mut envelope = json!({"v": 1, "suite": 1, "id": "1", "key_ref": "A".repeat(43)});
        if !kids.is_empty() {
            let wrapped = kids.iter().map(|kid| (kid.clone(), json!("wrapped")));
            envelope["keys"] = Value::Object(wrapped.collect());
        }
        RawValue::from_string(envelope.to_string()).unwrap()
    };
    let share = async |kids: &[String]| {
        let payload = envelope(kids);
        let input = KeyInput {
            log,
            payload: &payload,
            client_id: None,
        };
        chats::share_key(core, anna, input).await
    };
    let missing = async || {
        let payload = envelope(&[]);
        let input = SendInput {
            to: Destination::Chat(log),
            payload: &payload,
            client_id: None,
        };
        match messages::send(core, anna, input).await {
            Ok(sent) => {
                sent.receipt.await.unwrap();
                0
            }
            Err(MessageError::Chat(ChatError::DeviceMismatch { missing, .. })) => missing.len(),
            Err(error) => panic!("{error}"),
        }
    };
    let too_many = share(&kids[..=MAX_ENVELOPE_KEYS]).await;
    assert!(matches!(too_many, Err(ChatError::Envelope(_))));
    let mut left = DEVICES;
    for part in kids.chunks(MAX_ENVELOPE_KEYS) {
        share(part).await.unwrap();
        left -= part.len();
        assert_eq!(missing().await, left);
    }
    assert_eq!(missing().await, 0);
}
