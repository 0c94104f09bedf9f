//! The log under concurrent senders: no gap, no double, every sender's order kept, and a repeated
//! `client_id` gets its first answer. Two writers stand for two nodes on one database, and transactions of
//! the services' kind put notices in between.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use melo_crypto::random;
use melo_domain::{
    Clock, DeviceHandle, EventKind, LogEvent, LogId, LogKind, SystemClock, Timestamp, Uid,
};
use melo_storage::{
    AppendError, Appended, Audience, CommitSink, LogWriter, NewEvent, Receipt, Store, events, logs,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use crate::databases;

/// What a sender does next. Numbers choose among what there is, modulo its count.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// A new event with an id.
    Send { log: usize },
    /// A new event of a client that gives no ids.
    SendNameless { log: usize },
    /// An earlier event once more.
    Repeat { earlier: usize },
    /// An earlier event's id, in another log.
    Reuse { earlier: usize },
    /// Waits for everything sent so far.
    Wait,
}

#[derive(Debug, Clone)]
struct Plan {
    logs: usize,
    senders: Vec<Vec<Action>>,
    notices: usize,
}

fn action() -> impl Strategy<Value = Action> {
    let any = any::<usize>();
    prop_oneof![
        6 => any.prop_map(|log| Action::Send { log }),
        2 => any.prop_map(|log| Action::SendNameless { log }),
        3 => any.prop_map(|earlier| Action::Repeat { earlier }),
        1 => any.prop_map(|earlier| Action::Reuse { earlier }),
        1 => Just(Action::Wait),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    (2..=4_usize, vec(vec(action(), 1..=60), 1..=8), 0..=10_usize).prop_map(
        |(logs, senders, notices)| Plan {
            logs,
            senders,
            notices,
        },
    )
}

/// What one append is expected to come to.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// A place of its own.
    New {
        log: LogId,
        number: usize,
    },
    /// The same as that of the append with this number.
    SameAs(usize),
    Refused,
}

struct Sender {
    uid: Uid,
    device: DeviceHandle,
    writer: LogWriter,
    logs: Vec<LogId>,
    /// Number, id and log of every event sent with an id.
    named: Vec<(usize, Uuid, LogId)>,
    waiting: Vec<(usize, Expected, Receipt)>,
    settled: Vec<(usize, Expected, Result<Appended, AppendError>)>,
}

impl Sender {
    async fn run(
        mut self,
        actions: Vec<Action>,
    ) -> (
        DeviceHandle,
        Vec<(usize, Expected, Result<Appended, AppendError>)>,
    ) {
        for (number, action) in actions.into_iter().enumerate() {
            match action {
                Action::Send { log } => {
                    let (log, id) = (self.logs[log % self.logs.len()], random::uuid());
                    self.named.push((number, id, log));
                    self.append(number, Expected::New { log, number }, log, Some(id))
                        .await;
                }
                Action::SendNameless { log } => {
                    let log = self.logs[log % self.logs.len()];
                    self.append(number, Expected::New { log, number }, log, None)
                        .await;
                }
                Action::Repeat { earlier } if !self.named.is_empty() => {
                    let (first, id, log) = self.named[earlier % self.named.len()];
                    self.append(number, Expected::SameAs(first), log, Some(id))
                        .await;
                }
                Action::Reuse { earlier } if !self.named.is_empty() => {
                    let (_, id, first) = self.named[earlier % self.named.len()];
                    let other = *self.logs.iter().find(|log| **log != first).unwrap();
                    self.append(number, Expected::Refused, other, Some(id))
                        .await;
                }
                Action::Repeat { .. } | Action::Reuse { .. } => {}
                Action::Wait => self.settle().await,
            }
        }
        self.settle().await;
        (self.device, self.settled)
    }

    async fn append(
        &mut self,
        number: usize,
        expected: Expected,
        log: LogId,
        client_id: Option<Uuid>,
    ) {
        let event = NewEvent {
            device: Some(self.device),
            client_id,
            ..NewEvent::new(log, EventKind::Message, self.uid, number.to_string())
        };
        let receipt = self
            .writer
            .append(event, audience([self.uid]))
            .await
            .unwrap();
        self.waiting.push((number, expected, receipt));
    }

    async fn settle(&mut self) {
        for (number, expected, receipt) in self.waiting.drain(..) {
            self.settled.push((number, expected, receipt.await));
        }
    }
}

fn audience<const N: usize>(members: [Uid; N]) -> Audience {
    Audience {
        kind: LogKind::Direct,
        members: members.into(),
        members_seq: 0,
    }
}

/// Writes notices in transactions of their own, as services do.
async fn write_notices(store: Store, log: LogId, count: usize) {
    let mut written = 0;
    while written < count {
        let notice = NewEvent::new(log, EventKind::KeysChanged, Uid::from_random(1), "{}");
        let tx = store.db.begin().await.unwrap();
        let done = events::append(&tx, &store.keys, notice, SystemClock.now()).await;
        match done {
            Ok(_) => match tx.commit().await {
                Ok(()) => written += 1,
                Err(error) => panic!("{error}"),
            },
            // Another writer took the number: a database server runs transactions side by side.
            Err(error) if error.is_unique_violation() || error.is_rolled_back() => {
                tx.rollback().await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// One writer and what it has told.
fn writer(
    store: &Store,
) -> (
    LogWriter,
    tokio::task::JoinHandle<()>,
    Arc<Mutex<Vec<LogEvent>>>,
) {
    let told: Arc<Mutex<Vec<LogEvent>>> = Arc::default();
    let sink: CommitSink = {
        let told = Arc::clone(&told);
        Arc::new(move |committed| told.lock().unwrap().push(committed.event))
    };
    let (writer, task) = LogWriter::start(store.clone(), Arc::new(SystemClock), sink);
    (writer, task, told)
}

async fn tell(store: &Store, plan: Plan) {
    let mut all_logs = Vec::new();
    for _ in 0..plan.logs {
        let log = LogId::from_random(random::u64());
        let now = Timestamp::from_millis(0);
        logs::create(
            store.db.write(),
            &store.keys,
            log,
            LogKind::Direct,
            &[],
            now,
        )
        .await
        .unwrap();
        all_logs.push(log);
    }
    let (mut writers, mut tasks, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let (w, task, events) = writer(store);
        writers.push(w);
        tasks.push(task);
        told.push(events);
    }
    let senders: Vec<_> = plan
        .senders
        .into_iter()
        .enumerate()
        .map(|(index, actions)| {
            let sender = Sender {
                uid: Uid::from_random(random::u64()),
                device: DeviceHandle::from_random(random::u64()),
                writer: writers[index % writers.len()].clone(),
                logs: all_logs.clone(),
                named: Vec::new(),
                waiting: Vec::new(),
                settled: Vec::new(),
            };
            tokio::spawn(sender.run(actions))
        })
        .collect();
    let notices = tokio::spawn(write_notices(store.clone(), all_logs[0], plan.notices));
    let mut reports = HashMap::new();
    for sender in senders {
        let (device, report) = sender.await.unwrap();
        reports.insert(device, report);
    }
    notices.await.unwrap();
    drop(writers);
    for task in tasks {
        task.await.unwrap();
    }
    let mut rows = Vec::new();
    for log in &all_logs {
        let of_log = all_of(store, *log).await;
        let numbers: Vec<u64> = of_log.iter().map(|e| e.seq).collect();
        let gapless: Vec<u64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, gapless, "a gap or a double in a log");
        rows.extend(of_log);
    }
    check_reports(&reports, &rows);
    check_order(&rows);
    check_told(&told, &rows);
    let found = rows
        .iter()
        .filter(|e| e.kind == EventKind::KeysChanged)
        .count();
    assert_eq!(found, plan.notices);
}

/// What each device was answered to each of its events.
type Reports = HashMap<DeviceHandle, Vec<(usize, Expected, Result<Appended, AppendError>)>>;

/// A whole log, read in pages that are too small for it.
async fn all_of(store: &Store, log: LogId) -> Vec<LogEvent> {
    let mut all: Vec<LogEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |e| e.seq);
        let page = events::after(store.db.read(), &store.keys, log, after, 50, 1500).await;
        let page = page.unwrap();
        assert!(
            page.whole || !page.events.is_empty(),
            "a page without progress"
        );
        all.extend(page.events);
        if page.whole {
            return all;
        }
    }
}

/// Every answer agrees with what the database holds, and nothing else is there.
fn check_reports(reports: &Reports, rows: &[LogEvent]) {
    let by_place: HashMap<_, _> = rows.iter().map(|e| ((e.log, e.seq), e)).collect();
    let mut accounted_for = HashSet::new();
    for (device, report) in reports {
        let answers: HashMap<usize, _> = report.iter().map(|(n, _, answer)| (*n, answer)).collect();
        for (number, expected, answer) in report {
            match expected {
                Expected::New { log, number } => {
                    let place = answer.unwrap();
                    let row = by_place[&(place.log, place.seq)];
                    assert_eq!((place.log, place.at), (*log, row.at));
                    assert_eq!(row.device, Some(*device));
                    assert_eq!(*row.payload, number.to_string());
                    assert!(
                        accounted_for.insert((place.log, place.seq)),
                        "one place twice"
                    );
                }
                Expected::SameAs(first) => {
                    assert_eq!(answer, answers[first], "{number} repeats {first}");
                }
                Expected::Refused => {
                    assert_eq!(*answer, Err(AppendError::ClientIdReused), "{number}");
                }
            }
        }
    }
    let messages = rows.iter().filter(|e| e.kind == EventKind::Message).count();
    assert_eq!(
        messages,
        accounted_for.len(),
        "a row that nobody was told of"
    );
}

/// Each sender's events lie in each log as they were sent.
fn check_order(rows: &[LogEvent]) {
    let mut last: HashMap<(LogId, DeviceHandle), usize> = HashMap::new();
    for event in rows.iter().filter(|e| e.kind == EventKind::Message) {
        let number: usize = event.payload.parse().unwrap();
        let before = last.insert((event.log, event.device.unwrap()), number);
        assert!(
            before.is_none_or(|before| before < number),
            "{before:?} before {number}"
        );
    }
}

/// Each committed message was told exactly once, by one writer, in the order of its log.
fn check_told(told: &[Arc<Mutex<Vec<LogEvent>>>], rows: &[LogEvent]) {
    let mut all = HashSet::new();
    for events in told {
        let mut last: HashMap<LogId, u64> = HashMap::new();
        for event in events.lock().unwrap().iter() {
            assert!(all.insert((event.log, event.seq)), "told twice");
            let before = last.insert(event.log, event.seq).unwrap_or(0);
            assert!(before < event.seq, "told out of order");
        }
    }
    let committed: HashSet<_> = rows
        .iter()
        .filter(|e| e.kind == EventKind::Message)
        .map(|e| (e.log, e.seq))
        .collect();
    assert_eq!(all, committed);
}

#[test]
fn concurrent_senders_leave_no_gap_and_no_double() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for database in runtime.block_on(databases::all()) {
        let store = runtime.block_on(databases::store(&database.db));
        let config = ProptestConfig {
            cases: if database.name == "SQLite" { 48 } else { 12 },
            max_shrink_iters: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let outcome = TestRunner::new(config).run(&plan(), |plan| {
            runtime.block_on(tell(&store, plan));
            Ok(())
        });
        eprintln!("told on {}", database.name);
        drop(store);
        let name = database.name;
        runtime.block_on(database.remove());
        if let Err(failure) = outcome {
            panic!("{name}: {failure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_logs_of_one_name_are_refused_and_a_missing_one_is_an_error() {
    let database = databases::sqlite().await;
    let store = databases::store(&database.db).await;
    let (writer, task, told) = writer(&store);
    let event = NewEvent {
        device: Some(DeviceHandle::from_random(2)),
        ..NewEvent::new(
            LogId::from_random(77),
            EventKind::Message,
            Uid::from_random(1),
            "1",
        )
    };
    let receipt = writer
        .append(event.clone(), audience([event.sender]))
        .await
        .unwrap();
    assert_eq!(receipt.await, Err(AppendError::Storage), "no such log");

    // The writer has survived it.
    let now = SystemClock.now();
    let create = || {
        logs::create(
            store.db.write(),
            &store.keys,
            event.log,
            LogKind::Direct,
            &[],
            now,
        )
    };
    create().await.unwrap();
    assert!(create().await.unwrap_err().is_unique_violation());
    let receipt = writer
        .append(event.clone(), audience([event.sender]))
        .await
        .unwrap();
    assert_eq!(receipt.await.unwrap().seq, 1);
    drop(writer);
    task.await.unwrap();
    assert_eq!(told.lock().unwrap().len(), 1);
    drop(store);
    database.remove().await;
}
