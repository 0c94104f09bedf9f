//! Who is there and who is writing: what of it is told, to whom, and when. Time is moved by hand.

// Helpers stand outside of `#[test]` functions, where clippy's own exception does not reach.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{HERE, World, origin};
use melo_domain::{Audience, LogId, LogKind, PresenceStatus, Uid};
use melo_realtime::{Member, Outbound, Outbox, Registration};
use melo_services::chats::ChatError;
use melo_services::messages::{Destination, MessageError};
use melo_services::people::{self, PrivacyUpdate};
use melo_services::presence::{self, Attendance, PresenceError};
use melo_services::typing::{self, TypingError};
use melo_services::{Caller, account};
use melo_storage::chats::{self, Chat};
use melo_storage::logs::{self, NewMember};
use melo_storage::presence as rows;
use serde_json::Value;

const SECOND: Duration = Duration::from_secs(1);

/// A connection that is open: there, and listening.
struct Connected {
    attendance: Attendance,
    _listener: Listener,
}

/// Hears what the hub has for somebody.
struct Listener {
    outbox: Arc<Outbox>,
    _registration: Registration,
}

impl Listener {
    fn new(world: &World, caller: Caller) -> Self {
        let outbox = Arc::new(Outbox::default());
        let member = Member {
            uid: caller.uid,
            device: caller.device,
            session: caller.session,
        };
        let hub = world.core.hub();
        let registration = hub.register(member, HERE, Arc::clone(&outbox)).unwrap();
        Self {
            outbox,
            _registration: registration,
        }
    }

    /// What has come since, but for events of logs.
    fn heard(&self) -> Vec<Value> {
        let mut queued = Vec::new();
        self.outbox.drain(&mut queued);
        let frames = queued.into_iter().filter_map(|outbound| match outbound {
            Outbound::Frame(frame) => Some(serde_json::from_str(&frame).unwrap()),
            _ => None,
        });
        frames.collect()
    }

    /// The same as `(type, user_id, status)`.
    fn news(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let frames = self.heard();
        let short = frames.iter();
        let short = short.map(|f| (text(&f["type"]), text(&f["user_id"]), text(&f["status"])));
        short.collect()
    }
}

impl Connected {
    async fn new(world: &World, caller: Caller) -> Self {
        let listener = Listener::new(world, caller);
        let attendance = presence::attend(Arc::clone(&world.core), caller).await;
        Self {
            attendance,
            _listener: listener,
        }
    }

    async fn leave(self) {
        self.attendance.leave().await;
    }
}

fn change(of: Caller, status: &str) -> (String, String, String) {
    let uid = of.uid.to_string();
    ("status_change".to_owned(), uid, status.to_owned())
}

/// Time passes, and the server's ticks with it.
async fn pass(world: &World, seconds: u64) {
    for _ in 0..seconds {
        world.pass(SECOND);
        presence::tick(&world.core).await.unwrap();
        typing::tick(&world.core).await.unwrap();
    }
}

async fn status(world: &World, viewer: Caller, of: Caller) -> PresenceStatus {
    let all = presence::of_contacts(&world.core, viewer).await.unwrap();
    let found = all.iter().find(|contact| contact.uid == of.uid);
    found.unwrap().shown.status
}

async fn words(world: &World, viewer: Caller, of: Uid) -> String {
    let all = presence::statuses(&world.core, viewer, &[of]).await;
    all.unwrap().remove(&of).unwrap().status
}

async fn switch(world: &World, caller: Caller, update: PrivacyUpdate) {
    people::set_privacy(&world.core, caller, &origin(), update)
        .await
        .unwrap();
}

fn hides_online() -> PrivacyUpdate {
    PrivacyUpdate {
        online: Some(Audience::Nobody),
        ..PrivacyUpdate::default()
    }
}

fn writes_secretly() -> PrivacyUpdate {
    PrivacyUpdate {
        typing: Some(false),
        ..PrivacyUpdate::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going_is_told_once_and_a_short_absence_is_not() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let boriss = Listener::new(&world, boris);
    let annas = Connected::new(&world, anna).await;
    assert_eq!(status(&world, boris, anna).await, PresenceStatus::Online);
    assert_eq!(boriss.news(), [], "not before the next tick");
    pass(&world, 2).await;
    assert_eq!(boriss.news(), [change(anna, "online")]);

    // Gone and back, three times within the grace.
    let mut annas = annas;
    for _ in 0..3 {
        annas.leave().await;
        assert_eq!(status(&world, boris, anna).await, PresenceStatus::Offline);
        pass(&world, 8).await;
        annas = Connected::new(&world, anna).await;
        pass(&world, 1).await;
    }
    pass(&world, 30).await;
    assert_eq!(boriss.news(), []);

    // A second device: one of them may go.
    let second = world.login(anna.uid, 2).await;
    let seconds = Connected::new(&world, second).await;
    annas.leave().await;
    pass(&world, 30).await;
    assert_eq!(boriss.news(), []);
    let left = world.core.now();
    seconds.leave().await;
    pass(&world, 9).await;
    assert_eq!(boriss.news(), [], "within the grace");
    pass(&world, 3).await;
    let heard = boriss.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(
        (&heard[0]["status"], &heard[0]["timestamp"]),
        (&"offline".into(), &left.to_string().into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_contacts_who_may_see_it_are_told() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let stranger = world.person("+79990000003").await;
    let kept_away = world.person("+79990000004").await;
    let keeping_away = world.person("+79990000005").await;
    for other in [kept_away, keeping_away] {
        world.befriend(anna, other).await;
    }
    people::block(&world.core, anna, &origin(), kept_away.uid)
        .await
        .unwrap();
    people::block(&world.core, keeping_away, &origin(), anna.uid)
        .await
        .unwrap();
    let listeners = [boris, stranger, kept_away, keeping_away, anna];
    let listeners = listeners.map(|caller| Listener::new(&world, caller));
    let annas = Connected::new(&world, anna).await;
    pass(&world, 2).await;
    assert_eq!(listeners[0].news(), [change(anna, "online")]);
    for other in &listeners[1..] {
        assert_eq!(other.news(), []);
    }
    // Who hides while being there is seen to go; who shows again, to come.
    switch(&world, anna, hides_online()).await;
    pass(&world, 6).await;
    assert_eq!(listeners[0].news(), [change(anna, "offline")]);
    annas.leave().await;
    let annas = Connected::new(&world, anna).await;
    presence::declare(&world.core, anna, PresenceStatus::Away)
        .await
        .unwrap();
    pass(&world, 20).await;
    assert_eq!(listeners[0].news(), [], "nothing of who hides");
    assert_eq!(status(&world, boris, anna).await, PresenceStatus::Offline);
    let shows = PrivacyUpdate {
        online: Some(Audience::Contacts),
        ..PrivacyUpdate::default()
    };
    switch(&world, anna, shows).await;
    pass(&world, 6).await;
    assert_eq!(listeners[0].news(), [change(anna, "away")]);
    drop(annas);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_person_are_told_apart_and_end_with_the_truth() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let boriss = Listener::new(&world, boris);
    let _annas = Connected::new(&world, anna).await;
    for n in 0..20 {
        let status = if n % 2 == 0 {
            PresenceStatus::Away
        } else {
            PresenceStatus::Online
        };
        presence::declare(&world.core, anna, status).await.unwrap();
        pass(&world, 1).await;
    }
    presence::declare(&world.core, anna, PresenceStatus::Away)
        .await
        .unwrap();
    pass(&world, 10).await;
    let news = boriss.news();
    assert!(news.len() <= 7, "thirty seconds, five apart: {news:?}");
    assert_eq!(news.last(), Some(&change(anna, "away")));
    pass(&world, 30).await;
    assert_eq!(boriss.news(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_reconnects_costs_a_look_and_not_a_frame() {
    let world = World::new().await;
    let hub_person = world.person("+79990000001").await;
    let mut people = Vec::new();
    for n in 0..40 {
        let one = world.person(&format!("+799900010{n:02}")).await;
        world.befriend(one, hub_person).await;
        people.push(one);
    }
    let listener = Listener::new(&world, hub_person);
    let mut connected = Vec::new();
    for one in &people {
        connected.push(Connected::new(&world, *one).await);
    }
    let before = world.statements.load(Ordering::Relaxed);
    pass(&world, 1).await;
    let first = world.statements.load(Ordering::Relaxed) - before;
    assert!(first <= 4, "forty people in {first} statements");
    assert_eq!(listener.news().len(), 40);
    for one in connected.drain(..) {
        one.leave().await;
    }
    for one in &people {
        connected.push(Connected::new(&world, *one).await);
    }
    let before = world.statements.load(Ordering::Relaxed);
    pass(&world, 20).await;
    let again = world.statements.load(Ordering::Relaxed) - before;
    assert!(again <= 1, "forty people came back in {again} statements");
    assert_eq!(listener.news(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_on_a_node_that_died_is_offline_when_its_word_runs_out() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let _never_leaves = Connected::new(&world, anna).await;
    for _ in 0..9 {
        world.pass(20 * SECOND);
        presence::renew(&world.core).await.unwrap();
        assert_eq!(status(&world, boris, anna).await, PresenceStatus::Online);
    }
    world.pass(59 * SECOND);
    assert_eq!(status(&world, boris, anna).await, PresenceStatus::Online);
    world.pass(SECOND);
    assert_eq!(status(&world, boris, anna).await, PresenceStatus::Offline);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_connection_is_there_for_as_long_as_it_says_so() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let boriss = Listener::new(&world, boris);
    for _ in 0..3 {
        presence::declare(&world.core, anna, PresenceStatus::Online)
            .await
            .unwrap();
        pass(&world, 60).await;
    }
    assert_eq!(boriss.news(), [change(anna, "online")]);
    pass(&world, 40).await;
    assert_eq!(boriss.news(), [change(anna, "offline")]);

    // With a connection: what it says counts, until the next connection.
    let annas = Connected::new(&world, anna).await;
    for (said, words_of) in [
        (PresenceStatus::Offline, "was at"),
        (PresenceStatus::Away, "was at"),
        (PresenceStatus::Online, "online"),
        (PresenceStatus::Away, "was at"),
    ] {
        presence::declare(&world.core, anna, said).await.unwrap();
        assert_eq!(status(&world, boris, anna).await, said);
        let words = words(&world, boris, anna.uid).await;
        assert!(words.starts_with(words_of), "{words}");
        let own = presence::own(&world.core, anna).await.unwrap();
        assert_eq!(own.status, said);
    }
    annas.leave().await;
    let _annas = Connected::new(&world, anna).await;
    assert_eq!(status(&world, boris, anna).await, PresenceStatus::Online);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_somebody_was_last_there_is_written_in_batches_and_never_after_they_left() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let annas = Connected::new(&world, anna).await;
    let boriss = Connected::new(&world, boris).await;
    world.pass(100 * SECOND);
    let then = world.core.now();
    annas.leave().await;
    world.core.flush().await.unwrap();
    let (db, keys) = (world.store.db.read(), &world.store.keys);
    let both = [anna.uid, boris.uid];
    let stored = rows::last_seen(db, keys, &both).await.unwrap();
    assert_eq!(stored.get(&anna.uid), Some(&then));
    assert_eq!(stored.len(), 2);
    assert_eq!(
        words(&world, boris, anna.uid).await,
        format!("was at {then}")
    );
    let hides = PrivacyUpdate {
        last_seen: Some(Audience::Nobody),
        ..PrivacyUpdate::default()
    };
    switch(&world, anna, hides).await;
    assert_eq!(words(&world, boris, anna.uid).await, "inactive");

    // What is noted of somebody whose account is gone stays nowhere.
    account::erase(&world.core, &origin(), boris.uid)
        .await
        .unwrap();
    boriss.leave().await;
    world.core.flush().await.unwrap();
    let stored = rows::last_seen(db, keys, &both).await.unwrap();
    assert_eq!(stored.keys().collect::<Vec<_>>(), [&anna.uid]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_say_what_is_known_in_a_constant_number_of_queries() {
    let world = World::new().await;
    let (anna, boris) = world.pair().await;
    let stranger = world.person("+79990000003").await;
    let kept_away = world.person("+79990000004").await;
    let leaver = world.person("+79990000005").await;
    for other in [kept_away, leaver] {
        world.befriend(anna, other).await;
    }
    people::block(&world.core, kept_away, &origin(), anna.uid)
        .await
        .unwrap();
    account::erase(&world.core, &origin(), leaver.uid)
        .await
        .unwrap();
    let _there = [
        Connected::new(&world, boris).await,
        Connected::new(&world, stranger).await,
        Connected::new(&world, kept_away).await,
    ];
    let nobody = Uid::from_random(77);
    let asked = [
        boris.uid,
        stranger.uid,
        kept_away.uid,
        leaver.uid,
        nobody,
        anna.uid,
    ];
    let found = presence::statuses(&world.core, anna, &asked).await.unwrap();
    let said: Vec<&str> = asked.iter().map(|uid| found[uid].status.as_str()).collect();
    let expected = [
        "online",
        "not_subscribed",
        "inactive",
        "closed",
        "not_found",
        "inactive",
    ];
    assert_eq!(said, expected);
    let open = PrivacyUpdate {
        online: Some(Audience::Everyone),
        ..PrivacyUpdate::default()
    };
    switch(&world, stranger, open).await;
    assert_eq!(words(&world, anna, stranger.uid).await, "online");

    let mut costs = BTreeMap::new();
    for count in [1, 3, 5] {
        world.pass(Duration::from_secs(3600));
        let asked: Vec<Uid> = (0..count).map(|n| Uid::from_random(1000 + n)).collect();
        let before = world.statements.load(Ordering::Relaxed);
        presence::statuses(&world.core, anna, &asked).await.unwrap();
        costs.insert(count, world.statements.load(Ordering::Relaxed) - before);
    }
    assert!(costs.values().all(|cost| *cost <= 5), "{costs:?}");
    // Trying out ids is not free.
    let many: Vec<Uid> = (0..90).map(|n| Uid::from_random(5000 + n)).collect();
    let refused = presence::statuses(&world.core, anna, &many).await;
    assert!(matches!(refused, Err(PresenceError::Limited(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_is_told_taken_back_by_itself_and_not_repeated() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let boriss = Listener::new(&world, boris);
    let annas = Listener::new(&world, anna);
    let to = Destination::Person(boris.uid);
    let types = || {
        boriss
            .news()
            .into_iter()
            .map(|(kind, _, _)| kind)
            .collect::<Vec<_>>()
    };
    typing::start(core, anna, to).await.unwrap();
    typing::start(core, anna, to).await.unwrap();
    let heard = boriss.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(
        (&heard[0]["type"], &heard[0]["user_id"]),
        (&"typing_start".into(), &anna.uid.to_string().into())
    );
    assert_eq!(heard[0].get("chat_id"), None);
    let seen = presence::pong(core, boris).await.unwrap();
    assert!(seen[0].typing);
    pass(&world, 9).await;
    assert_eq!(types(), [""; 0]);
    // Goes on: told again, and the ten seconds begin anew.
    typing::start(core, anna, to).await.unwrap();
    pass(&world, 9).await;
    assert_eq!(types(), ["typing_start"]);
    pass(&world, 2).await;
    assert_eq!(types(), ["typing_stop"]);
    assert!(!presence::pong(core, boris).await.unwrap()[0].typing);
    pass(&world, 20).await;
    typing::start(core, anna, to).await.unwrap();
    typing::stop(core, anna, to).await.unwrap();
    typing::stop(core, anna, to).await.unwrap();
    assert_eq!(types(), ["typing_start", "typing_stop"]);
    pass(&world, 20).await;
    assert_eq!(types(), [""; 0], "it was over");
    assert_eq!(annas.news(), [], "nothing of one's own");
    for _ in 0..200 {
        let _ = typing::start(core, anna, to).await;
    }
    let refused = typing::start(core, anna, to).await;
    assert!(
        matches!(refused, Err(TypingError::Message(MessageError::Limited(_)))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_is_seen_by_those_who_tell_and_may() {
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let stranger = world.person("+79990000003").await;
    let boriss = Listener::new(&world, boris);
    let strangers = Listener::new(&world, stranger);
    let refused = typing::start(core, anna, Destination::Person(stranger.uid)).await;
    assert!(matches!(
        refused,
        Err(TypingError::Message(MessageError::NotAContact))
    ));
    let refused = typing::start(core, anna, Destination::Person(anna.uid)).await;
    assert!(matches!(
        refused,
        Err(TypingError::Message(MessageError::SelfTarget))
    ));
    // Either of the two switches.
    for quiet in [anna, boris] {
        switch(&world, quiet, writes_secretly()).await;
        typing::start(core, anna, Destination::Person(boris.uid))
            .await
            .unwrap();
        assert!(!presence::pong(core, boris).await.unwrap()[0].typing);
        let tells = PrivacyUpdate {
            typing: Some(true),
            ..PrivacyUpdate::default()
        };
        switch(&world, quiet, tells).await;
    }
    assert_eq!(boriss.news(), []);
    people::block(core, boris, &origin(), anna.uid)
        .await
        .unwrap();
    let refused = typing::start(core, anna, Destination::Person(boris.uid)).await;
    assert!(matches!(
        refused,
        Err(TypingError::Message(MessageError::NotAContact))
    ));
    let refused = typing::start(core, boris, Destination::Person(anna.uid)).await;
    assert!(matches!(
        refused,
        Err(TypingError::Message(MessageError::Blocked))
    ));
    assert_eq!((boriss.news(), strangers.news()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_in_a_chat_is_seen_by_its_members() {
    use melo_domain::ChatRole::{Admin, Member as Plain};
    let world = World::new().await;
    let core = &world.core;
    let (anna, boris) = world.pair().await;
    let clara = world.person("+79990000003").await;
    let outside = world.person("+79990000004").await;
    let blocked = world.person("+79990000005").await;
    world.befriend(anna, outside).await;
    people::block(core, blocked, &origin(), anna.uid)
        .await
        .unwrap();
    let (db, keys, now) = (world.store.db.write(), &world.store.keys, core.now());
    let group = LogId::from_random(melo_crypto::random::u64());
    let channel = LogId::from_random(melo_crypto::random::u64());
    for (log, kind) in [(group, LogKind::Group), (channel, LogKind::Channel)] {
        logs::create(db, keys, log, kind, &[], now).await.unwrap();
        let chat = Chat {
            log,
            kind,
            owner: boris.uid,
            is_public: false,
            by_request: false,
            share_history: false,
            slow_mode: 0,
            disappearing: 0,
            retention: 0,
            title: "Chat".to_owned(),
            description: None,
            has_avatar: false,
            created: now,
        };
        chats::insert(db, keys, &chat).await.unwrap();
        for (one, role) in [
            (anna, Plain),
            (boris, Admin),
            (clara, Plain),
            (blocked, Plain),
        ] {
            let member = NewMember {
                uid: one.uid,
                role,
                from_seq: 0,
            };
            logs::add_member(db, keys, log, member, now).await.unwrap();
        }
    }
    let listeners = [boris, clara, outside, blocked];
    let listeners = listeners.map(|caller| Listener::new(&world, caller));
    typing::start(core, anna, Destination::Chat(group))
        .await
        .unwrap();
    for (n, heard) in listeners.iter().map(Listener::heard).enumerate() {
        assert_eq!(heard.len(), usize::from(n < 2), "{n}: {heard:?}");
        for frame in heard {
            assert_eq!(frame["chat_id"], group.to_i64());
        }
    }
    let own = presence::own(core, anna).await.unwrap();
    assert_eq!(own.typing_in.map(|chat| chat.0), Some(group));
    let of_anna = async |viewer: Caller| {
        let all = presence::of_contacts(core, viewer).await.unwrap();
        all.into_iter()
            .find(|c| c.uid == anna.uid)
            .unwrap()
            .typing_in
    };
    assert_eq!(of_anna(boris).await.map(|chat| chat.0), Some(group));
    assert_eq!(of_anna(outside).await, None, "a chat they know nothing of");
    typing::stop_all(core, anna).await.unwrap();
    assert_eq!(listeners[1].news().len(), 1);
    let own = presence::own(core, anna).await.unwrap();
    assert_eq!(own.typing_in, None);

    let refused = typing::start(core, anna, Destination::Chat(channel)).await;
    assert!(matches!(
        refused,
        Err(TypingError::Message(MessageError::Chat(
            ChatError::Forbidden
        )))
    ));
    typing::start(core, boris, Destination::Chat(channel))
        .await
        .unwrap();
    let refused = typing::start(core, outside, Destination::Chat(group)).await;
    assert!(matches!(
        refused,
        Err(TypingError::Message(MessageError::Chat(
            ChatError::NotAMember
        )))
    ));
}
