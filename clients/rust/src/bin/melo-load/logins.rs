//! Password logins, as fast as the server takes them. What bounds them should be the password hash alone.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use hdrhistogram::Histogram;
use melo_client::rest::Api;
use tokio::task::JoinSet;
use tokio::time::Instant;

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
    done: Cell<u64>,
    failed: Cell<u64>,
    latency: RefCell<Histogram<u64>>,
    note: RefCell<Option<String>>,
}

/// Logins that are going on.
pub(crate) struct Storm {
    parallel: usize,
    begun: Instant,
    tasks: JoinSet<()>,
    counts: Rc<Counts>,
}

impl Storm {
    /// Starts `parallel` users who sign in again and again until `until`.
    pub(crate) fn start(
        snapshot: &Snapshot,
        parallel: usize,
        until: Instant,
    ) -> Result<Self, Failure> {
        let api = snapshot.target.api()?;
        let counts = Rc::new(Counts {
            done: Cell::new(0),
            failed: Cell::new(0),
            latency: RefCell::new(histogram()),
            note: RefCell::new(None),
        });
        let mut tasks = JoinSet::new();
        for user in snapshot.users.iter().take(parallel).cloned() {
            tasks.spawn_local(again_and_again(
                api.clone(),
                user,
                until,
                Rc::clone(&counts),
            ));
        }
        Ok(Self {
            parallel: tasks.len().min(parallel),
            begun: Instant::now(),
            tasks,
            counts,
        })
    }

    /// Waits for the last ones.
    pub(crate) async fn finish(mut self) -> LoginReport {
        while self.tasks.join_next().await.is_some() {}
        let done = self.counts.done.get();
        LoginReport {
            parallel: self.parallel,
            done,
            failed: self.counts.failed.get(),
            per_second: done as f64 / self.begun.elapsed().as_secs_f64(),
            latency: Latency::of(&self.counts.latency.borrow()),
            cpu_ms: None,
            hash_ms: None,
            note: self.counts.note.take(),
        }
    }
}

async fn again_and_again(api: Api, user: User, until: Instant, counts: Rc<Counts>) {
    while Instant::now() < until {
        let begun = Instant::now();
        match accounts::with_password(&api, user.uid, &user.device_id, &user.password).await {
            Ok(_) => {
                counts.done.set(counts.done.get() + 1);
                let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                record(&counts.latency, took);
            }
            Err(failure) => {
                counts.failed.set(counts.failed.get() + 1);
                counts.note.borrow_mut().get_or_insert(failure.to_string());
            }
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
    let storm = Storm::start(snapshot, parallel, Instant::now() + span)?;
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
