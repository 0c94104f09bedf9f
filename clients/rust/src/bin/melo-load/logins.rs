//! Password logins: as fast as the server takes them, bounded by the password hash alone; or offered at a rate that it
//! cannot keep up with, while it does other things.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use hdrhistogram::Histogram;
use melo_client::rest::Api;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::accounts;
use crate::fail::Failure;
use crate::process;
use crate::report::{Latency, LoginReport, histogram, record};
use crate::snapshot::{Snapshot, User};

/// The server's password hash: KiB of memory and passes.
const HASH_KIB: u32 = 19 * 1024;
const HASH_PASSES: u32 = 2;
/// Hashes that are timed; the fastest counts.
const HASHES: u32 = 5;

struct Counts {
    offered: Cell<u64>,
    done: Cell<u64>,
    /// The server was busy and said so.
    refused: Cell<u64>,
    failed: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
    note: RefCell<Option<String>>,
}

/// How logins come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many users sign in again and again.
    Parallel(usize),
    /// So many begin in a second, whatever becomes of those before.
    Offered(u32),
}

/// Logins that are going on.
pub(crate) struct Storm {
    pace: Pace,
    begun: Instant,
    tasks: JoinSet<()>,
    counts: Rc<Counts>,
}

impl Storm {
    /// Starts logins that go on until `until`.
    pub(crate) fn start(snapshot: &Snapshot, pace: Pace, until: Instant) -> Result<Self, Failure> {
        let api = snapshot.target.api()?;
        let counts = Rc::new(Counts {
            offered: Cell::new(0),
            done: Cell::new(0),
            refused: Cell::new(0),
            failed: Cell::new(0),
            latency: RefCell::new(histogram()),
            note: RefCell::new(None),
        });
        let mut tasks = JoinSet::new();
        match pace {
            Pace::Parallel(many) => {
                for user in snapshot.users.iter().take(many).cloned() {
                    let again = again_and_again(api.clone(), user, until, Rc::clone(&counts));
                    tasks.spawn_local(again);
                }
            }
            Pace::Offered(rate) => {
                let users = snapshot.users.clone();
                tasks.spawn_local(offer(api, users, rate, until, Rc::clone(&counts)));
            }
        }
        Ok(Self {
            pace,
            begun: Instant::now(),
            tasks,
            counts,
        })
    }

    /// Waits for the last ones.
    pub(crate) async fn finish(mut self) -> LoginReport {
        while self.tasks.join_next().await.is_some() {}
        let counts = &self.counts;
        let (parallel, offered_per_second) = match self.pace {
            Pace::Parallel(many) => (Some(many), None),
            Pace::Offered(rate) => (None, Some(rate)),
        };
        LoginReport {
            parallel,
            offered_per_second,
            offered: counts.offered.get(),
            done: counts.done.get(),
            refused: counts.refused.get(),
            failed: counts.failed.get(),
            per_second: counts.done.get() as f64 / self.begun.elapsed().as_secs_f64(),
            latency: Latency::of(&counts.latency.borrow()),
            cpu_ms: None,
            hash_ms: None,
            note: counts.note.take(),
        }
    }
}

async fn again_and_again(api: Api, user: User, until: Instant, counts: Rc<Counts>) {
    while Instant::now() < until {
        login(&api, &user, &counts).await;
    }
}

/// Begins a login at each tick. The server bounds how many wait, so this does too.
async fn offer(api: Api, users: Vec<User>, rate: u32, until: Instant, counts: Rc<Counts>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut logins = JoinSet::new();
    for user in users.iter().cycle() {
        ticks.tick().await;
        if Instant::now() >= until {
            break;
        }
        let (api, user, counts) = (api.clone(), user.clone(), Rc::clone(&counts));
        logins.spawn_local(async move { login(&api, &user, &counts).await });
        while logins.try_join_next().is_some() {}
    }
    while logins.join_next().await.is_some() {}
}

async fn login(api: &Api, user: &User, counts: &Counts) {
    let count = |cell: &Cell<u64>| cell.set(cell.get() + 1);
    count(&counts.offered);
    let begun = Instant::now();
    match accounts::with_password(api, user.uid, &user.device_id, &user.password).await {
        Ok(_) => {
            count(&counts.done);
            let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            record(&counts.latency, took);
        }
        Err(Failure::Call { source, .. }) if source.is_transient() => count(&counts.refused),
        Err(failure) => {
            count(&counts.failed);
            counts.note.borrow_mut().get_or_insert(failure.to_string());
        }
    }
}

/// Logins alone.
pub(crate) async fn measure(
    snapshot: &Snapshot,
    parallel: usize,
    span: Duration,
    pid: Option<u32>,
) -> Result<LoginReport, Failure> {
    let hash_ms = one_hash_ms();
    let before = pid.and_then(process::cpu_time);
    let pace = Pace::Parallel(parallel);
    let storm = Storm::start(snapshot, pace, Instant::now() + span)?;
    let mut report = storm.finish().await;
    let used = pid.and_then(process::cpu_time).zip(before);
    report.cpu_ms = used.map(|(after, before)| {
        after.saturating_sub(before).as_secs_f64() * 1000.0 / report.done.max(1) as f64
    });
    report.hash_ms = hash_ms;
    Ok(report)
}

/// The time of one password hash in this process.
fn one_hash_ms() -> Option<f64> {
    let params = Params::new(HASH_KIB, HASH_PASSES, 1, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut fastest = f64::INFINITY;
    for _ in 0..HASHES {
        let mut hash = [0; 32];
        let begun = std::time::Instant::now();
        let salt = b"sixteen bytes...";
        argon2
            .hash_password_into(b"a password", salt, &mut hash)
            .ok()?;
        fastest = fastest.min(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Some(fastest)
}
