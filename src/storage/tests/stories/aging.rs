//! Rows that come and go by themselves, the same on every database: scheduled messages, drafts, pins, expiries, and the
//! beginnings of logs.

use std::sync::Arc;
use std::time::Duration;

use melo_domain::{
    Clock, DeviceHandle, EventKind, JobKind, LogId, LogKind, ManualClock, Seq, Timestamp, Uid,
};
use melo_storage::drafts::{self, Draft};
use melo_storage::history::{self, Direction};
use melo_storage::retention::{self, Cut};
use melo_storage::scheduled::{self, Addressee, NewScheduled};
use melo_storage::{
    AppendError, Appended, Audience, CommitSink, LogWriter, NewEvent, Store, Target, changes,
    cursors, events, expiries, jobs, logs, pins,
};
use sea_orm::{ConnectionTrait, Statement};

use crate::databases;

const DAY: Duration = Duration::from_secs(24 * 3600);

struct Conversation {
    store: Store,
    clock: Arc<ManualClock>,
    writer: LogWriter,
    log: LogId,
    anna: Uid,
    boris: Uid,
}

impl Conversation {
    async fn open(store: &Store, number: u64) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_795_162_530_000)));
        let sink: CommitSink = Arc::new(|_| ());
        let time = Arc::clone(&clock) as Arc<dyn Clock>;
        let (writer, _) = LogWriter::start(store.clone(), time, sink);
        let open = Self {
            store: store.clone(),
            writer,
            log: LogId::from_random(number),
            anna: Uid::from_random(number),
            boris: Uid::from_random(number + 1),
            clock,
        };
        let members = [open.anna, open.boris];
        let (db, keys) = (store.db.write(), &store.keys);
        logs::create(
            db,
            keys,
            open.log,
            LogKind::Direct,
            &members,
            open.clock.now(),
        )
        .await
        .unwrap();
        open
    }

    async fn append(&self, event: NewEvent) -> Result<Appended, AppendError> {
        let audience = Audience {
            kind: LogKind::Direct,
            members: [self.anna, self.boris].into(),
            members_seq: 0,
        };
        self.writer.append(event, audience).await.unwrap().await
    }

    async fn say(&self, text: &str) -> Seq {
        let payload = format!("\"{text}\"");
        let event = NewEvent::new(self.log, EventKind::Message, self.anna, payload);
        self.append(event).await.unwrap().seq
    }

    async fn change(
        &self,
        by: Uid,
        kind: EventKind,
        target: Target,
        body: &str,
    ) -> Result<Seq, AppendError> {
        let event = NewEvent {
            target: Some(target),
            ..NewEvent::new(self.log, kind, by, body)
        };
        Ok(self.append(event).await?.seq)
    }

    async fn rows(&self, table: &str) -> i64 {
        let db = self.store.db.read();
        let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE log = {}", self.log);
        let statement = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_stand_and_fall_with_their_message() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let c = Conversation::open(&store, 100).await;
        let (db, keys) = (store.db.read(), &store.keys);
        let (one, two) = (c.say("one").await, c.say("two").await);
        let (edit, react) = (EventKind::Edit, EventKind::Reaction);
        for (by, kind, body) in [
            (c.anna, edit, r#"{"payload":"1"}"#),
            (c.anna, edit, r#"{"payload":"2"}"#),
            (c.boris, react, r#"{"reaction":"a"}"#),
            (c.anna, react, r#"{"reaction":"b"}"#),
            (c.boris, react, r#"{"reaction":"c"}"#),
        ] {
            c.change(by, kind, Target::Changes(one), body)
                .await
                .unwrap();
        }
        for (target, seq) in [(Target::Pins(one), one), (Target::Pins(two), two)] {
            c.change(c.boris, EventKind::Pin, target, "{}")
                .await
                .unwrap();
            assert!(pins::among(db, c.log, &[seq]).await.unwrap().contains(&seq));
        }
        let found = changes::newest(db, keys, c.log, &[one, two]).await.unwrap();
        let bodies: Vec<&str> = found[&one].iter().map(|e| &*e.payload).collect();
        let newest = [
            r#"{"payload":"2"}"#,
            r#"{"reaction":"b"}"#,
            r#"{"reaction":"c"}"#,
        ];
        assert_eq!(bodies, newest, "{}", database.name);
        assert!(!found.contains_key(&two));
        let counts = changes::count(db, c.log, one, c.boris).await.unwrap();
        assert_eq!(
            (counts.edits, counts.reactions, counts.own_reactions),
            (2, 3, 2)
        );
        let pinned = pins::of_log(db, keys, c.log, 0).await.unwrap();
        let order: Vec<Seq> = pinned.iter().map(|p| p.message.seq).collect();
        assert_eq!(order, [two, one], "the last one first");
        assert_eq!(pins::of_log(db, keys, c.log, two).await.unwrap().len(), 1);
        c.change(c.anna, EventKind::Pin, Target::Unpins(two), "{}")
            .await
            .unwrap();

        // In one batch with its deletion, and after it: refused.
        let erases = NewEvent {
            target: Some(Target::Erases(one)),
            ..NewEvent::new(c.log, EventKind::Delete, c.anna, "{}")
        };
        let late = NewEvent {
            target: Some(Target::Changes(one)),
            ..NewEvent::new(c.log, EventKind::Edit, c.anna, "{}")
        };
        let (erased, refused) = tokio::join!(c.append(erases), c.append(late));
        erased.unwrap();
        assert_eq!(refused, Err(AppendError::TargetGone));
        let again = c
            .change(c.anna, EventKind::Delete, Target::Erases(one), "{}")
            .await;
        assert_eq!(again, Err(AppendError::TargetGone));
        let unknown = c.change(c.anna, react, Target::Changes(900), "{}").await;
        assert_eq!(unknown, Err(AppendError::TargetGone));
        assert!(pins::of_log(db, keys, c.log, 0).await.unwrap().is_empty());
        assert!(
            changes::newest(db, keys, c.log, &[one])
                .await
                .unwrap()
                .is_empty()
        );
        let slice = history::slice(db, keys, c.log, 0, Direction::Before(Seq::MAX), 50);
        let slice = slice.await.unwrap();
        let kinds: Vec<EventKind> = slice.events.iter().map(|e| e.kind).collect();
        assert_eq!(
            kinds,
            [EventKind::Erased, EventKind::Message],
            "no erased edits"
        );
        assert_eq!(slice.next, None);
        drop(c);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logs_beginning_is_cut_off_and_its_numbers_go_on() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let c = Conversation::open(&store, 200).await;
        let start = c.clock.now();
        let old = c.say("old").await;
        let body = r#"{"reaction":"a"}"#;
        c.change(c.boris, EventKind::Reaction, Target::Changes(old), body)
            .await
            .unwrap();
        c.change(c.boris, EventKind::Pin, Target::Pins(old), "{}")
            .await
            .unwrap();
        let fleeting = NewEvent {
            expires: Some(start.plus(90 * DAY)),
            ..NewEvent::new(c.log, EventKind::Message, c.anna, "\"x\"")
        };
        c.append(fleeting).await.unwrap();
        c.clock.advance(Duration::from_secs(60));
        let border = c.say("a minute later").await;
        c.clock.advance(3 * DAY);
        let young = c.say("young").await;

        let cut = |before| Cut {
            log: c.log,
            kind: LogKind::Direct,
            before,
            keys_from: 0,
            limit: 2,
        };
        let prune = async |before| {
            let tx = store.db.begin().await.unwrap();
            let gone = retention::prune(&tx, &store.keys, &cut(before))
                .await
                .unwrap();
            tx.commit().await.unwrap();
            gone
        };
        assert_eq!(prune(start).await, 0, "{}", database.name);
        // In parts, to the moment.
        let moment = start.plus(Duration::from_secs(30));
        assert_eq!((prune(moment).await, prune(moment).await), (2, 2));
        assert_eq!(prune(moment).await, 0);
        let (db, keys) = (store.db.read(), &store.keys);
        let left = events::after(db, keys, c.log, 0, 100, 1 << 20)
            .await
            .unwrap();
        let left: Vec<Seq> = left.events.iter().map(|e| e.seq).collect();
        assert_eq!(left, [border, young]);
        for table in ["event_changes", "pins", "expiries"] {
            assert_eq!(c.rows(table).await, 0, "{table}");
        }
        let (aged, end) = retention::page(db, None, 100).await.unwrap();
        assert_eq!((aged.len(), end), (1, Some(c.log)));
        assert_eq!(aged[0].oldest, start.day());
        assert_eq!(retention::page(db, end, 100).await.unwrap(), (vec![], None));
        // All of it, and still no number twice.
        prune(start.plus(30 * DAY)).await;
        assert_eq!(c.rows("events").await, 0);
        assert_eq!(c.say("next").await, young + 1);
        let bounds = logs::bounds(db, c.log).await.unwrap();
        assert_eq!((bounds.pruned_seq, bounds.last_seq), (young, young + 1));
        drop(c);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_is_erased_in_order_and_in_batches() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let c = Conversation::open(&store, 300).await;
        let start = c.clock.now();
        for n in 0..5_u64 {
            let event = NewEvent {
                expires: Some(start.plus(Duration::from_secs(10 + n))),
                ..NewEvent::new(c.log, EventKind::Message, c.anna, "\"x\"")
            };
            c.append(event).await.unwrap();
        }
        let sweep = async |seconds, limit| {
            let tx = store.db.begin().await.unwrap();
            let now = start.plus(Duration::from_secs(seconds));
            let swept = expiries::sweep(&tx, &store.keys, now, limit).await.unwrap();
            tx.commit().await.unwrap();
            swept.count
        };
        assert_eq!(sweep(9, 10).await, 0);
        assert_eq!(
            (sweep(12, 2).await, sweep(12, 2).await, sweep(12, 2).await),
            (2, 1, 0)
        );
        let (db, keys) = (store.db.read(), &store.keys);
        let page = events::after(db, keys, c.log, 0, 100, 1 << 20)
            .await
            .unwrap();
        let kinds: Vec<bool> = page
            .events
            .iter()
            .map(|e| e.kind == EventKind::Erased)
            .collect();
        assert_eq!(kinds, [true, true, true, false, false], "{}", database.name);
        drop(c);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_message_goes_one_way_only() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let now = Timestamp::from_millis(1_795_162_530_000);
        let (uid, device) = (Uid::from_random(1), DeviceHandle::from_random(2));
        let client_id = melo_crypto::random::uuid();
        let new = |client_id, seconds| NewScheduled {
            uid,
            device,
            client_id,
            due: now.plus(Duration::from_secs(seconds)),
            to: Addressee::Person(Uid::from_random(9)),
            payload: r#"{"a":1}"#,
        };
        let one = scheduled::insert(db, keys, new(Some(client_id), 10), now)
            .await
            .unwrap();
        let two = scheduled::insert(db, keys, new(None, 5), now)
            .await
            .unwrap();
        let twice = scheduled::insert(db, keys, new(Some(client_id), 20), now).await;
        assert!(
            twice.unwrap_err().is_unique_violation(),
            "{}",
            database.name
        );
        let known = scheduled::by_client_id(db, keys, device, client_id)
            .await
            .unwrap();
        assert_eq!(known.unwrap().id, one);
        let listed = scheduled::of_person(db, keys, uid).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|s| s.id).collect();
        assert_eq!(ids, [two, one], "the next one first");
        let (found, payload) = scheduled::find(db, keys, one).await.unwrap().unwrap();
        assert_eq!((found.created, payload.as_str()), (now, r#"{"a":1}"#));

        // Nobody takes what is not due; what is due becomes one job.
        assert!(!scheduled::take(db, two).await.unwrap());
        let due = now.plus(Duration::from_secs(7));
        for expected in [1, 0] {
            let tx = store.db.begin().await.unwrap();
            assert_eq!(
                scheduled::enqueue_due(&tx, keys, due, 10).await.unwrap(),
                expected
            );
            tx.commit().await.unwrap();
        }
        let lease = due.plus(Duration::from_secs(20));
        let claims = jobs::claim(db, keys, due, lease, 12, 10).await.unwrap();
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0].kind, JobKind::DeliverScheduled);
        assert_eq!(scheduled::of_job(&claims[0].payload), Some(two));
        // Taken, and taken again after a crash: from then on nobody calls it back.
        assert!(scheduled::take(db, two).await.unwrap());
        assert!(scheduled::take(db, two).await.unwrap());
        assert!(!scheduled::cancel(db, uid, two).await.unwrap());
        assert!(
            !scheduled::cancel(db, Uid::from_random(5), one)
                .await
                .unwrap()
        );
        assert!(scheduled::cancel(db, uid, one).await.unwrap());
        assert!(!scheduled::take(db, one).await.unwrap());
        let stuck = scheduled::stuck(db, keys, due, 10).await.unwrap();
        assert_eq!(stuck.len(), 1);
        assert!(scheduled::remove(db, two).await.unwrap());
        assert!(!scheduled::remove(db, two).await.unwrap());
        assert_eq!(scheduled::count(db, uid).await.unwrap(), 0);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_replaced_and_positions_read_in_one_query() {
    for database in databases::all().await {
        let store = databases::store(&database.db).await;
        let c = Conversation::open(&store, 400).await;
        let (db, keys) = (store.db.write(), &store.keys);
        let draft = |text: &str| Draft {
            log: c.log,
            to: Addressee::Person(c.boris),
            payload: format!("\"{text}\""),
            at: c.clock.now(),
        };
        for text in ["one", "two"] {
            drafts::put(db, keys, c.anna, &draft(text)).await.unwrap();
        }
        let found = drafts::of_person(db, keys, c.anna).await.unwrap();
        assert_eq!(found, [draft("two")], "{}", database.name);
        assert_eq!(drafts::count_others(db, c.anna, c.log).await.unwrap(), 0);
        drafts::remove(db, c.anna, c.log).await.unwrap();
        assert!(
            drafts::of_person(db, keys, c.anna)
                .await
                .unwrap()
                .is_empty()
        );
        // Nobody has a device here: the members are there all the same.
        let reached = cursors::of_members(db, keys, c.log, None, 10)
            .await
            .unwrap();
        let mut members = [c.anna, c.boris];
        members.sort();
        let uids: Vec<Uid> = reached.iter().map(|(uid, _)| *uid).collect();
        assert_eq!(uids, members);
        assert!(reached.iter().all(|(_, place)| place.is_none()));
        let after = cursors::of_members(db, keys, c.log, Some(members[0]), 10)
            .await
            .unwrap();
        assert_eq!(after.len(), 1);
        drop(c);
        database.remove().await;
    }
}
