//! Messages to chats whose members are all connected: one writer for each chat, a schedule that waits for nobody, and
//! a message has arrived when its last member has it. Every member checks that it gets each number once and in order.

mod crowd;
mod member;
mod shared;

use std::rc::Rc;
use std::time::Duration;

use melo_client::crypto::random;
use tokio::time::{Instant, sleep};

use crate::args::{GroupArgs, PlanArgs};
use crate::fail::Failure;
use crate::process;
use crate::report::{FanoutLoad as Load, FanoutReport, Latency};
use crate::run::{self, Window, nanos};
use crate::snapshot::{Chat, Snapshot};
use crowd::Crowd;
use member::Phase;
use shared::Shared;

/// Between the last connection and the first message: positions are on disk by then.
const SETTLE: Duration = Duration::from_secs(3);
/// From everybody's knowing that it begins to the first message.
const BEFORE: Duration = Duration::from_millis(300);
/// How long everything on its way may take after the last message was due.
const GRACE: Duration = Duration::from_secs(15);
/// Between two looks whether everything has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long the server is looked at while nothing is sent.
const QUIET: Duration = Duration::from_secs(5);

/// What is written.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The first so many chats, in turn.
    pub chats: usize,
    /// Messages a second, all together.
    pub rate: f64,
    pub warmup: Duration,
    pub measured: Duration,
    /// Bytes of each message's payload.
    pub size: u32,
    /// The longest that a member waits before it acknowledges.
    pub ack_within: Duration,
}

impl Plan {
    /// To one chat.
    pub(crate) fn of(args: &GroupArgs, rate: f64) -> Self {
        let rate = args.rate.unwrap_or(rate);
        Self {
            chats: 1,
            rate,
            // Two messages at least.
            warmup: Duration::from_secs_f64((2.0 / rate.max(0.01)).max(2.0)),
            measured: Duration::from_secs(args.seconds),
            size: args.size,
            ack_within: Duration::from_millis(args.ack_within_ms),
        }
    }

    fn interval(&self) -> u64 {
        nanos(Duration::from_secs_f64(1.0 / self.rate.max(0.001)))
    }

    /// Messages in all, with the warm-up.
    fn messages(&self) -> u64 {
        nanos(self.warmup + self.measured).div_ceil(self.interval().max(1))
    }
}

/// To one chat, and then as many deliveries as direct messages to compare with.
pub(crate) async fn measure(
    snapshot: &Snapshot,
    args: &GroupArgs,
    rate: f64,
) -> Result<FanoutReport, Failure> {
    let plan = Plan::of(args, rate);
    let mut report = fan_out(snapshot, &plan, args.pid).await?;
    if !args.no_baseline && !snapshot.pairs.is_empty() {
        let direct = PlanArgs {
            rate: Some(report.copies_per_message * plan.rate),
            flat_out: false,
            outstanding: 0,
            seconds: args.seconds,
            warmup: 2,
            size: args.size,
            pairs: None,
            both_ways: true,
            ack_within_ms: args.ack_within_ms,
            logins: 0,
        };
        let baseline = run::run(snapshot, &direct, args.pid).await?;
        report.compare(baseline);
    }
    Ok(report)
}

/// What is read at both ends of the measured span.
struct Sample {
    at: u64,
    copies: u64,
    server: Option<Duration>,
    own: Option<Duration>,
}

impl Sample {
    fn take(shared: &Shared, pid: Option<u32>) -> Self {
        Self {
            at: shared.now(),
            copies: shared.copies.get(),
            server: pid.and_then(process::cpu_time),
            own: process::cpu_time(std::process::id()),
        }
    }
}

/// Carries out a plan. `pid` is the server's process, when it runs on this machine.
pub(crate) async fn fan_out(
    snapshot: &Snapshot,
    plan: &Plan,
    pid: Option<u32>,
) -> Result<FanoutReport, Failure> {
    let chats = snapshot.some_chats(plan.chats)?;
    let copies = (0..plan.messages()).map(|n| turn(n, chats).map_or(0, |chat| chat.members - 1));
    let mark = u32::from_ne_bytes(random::bytes()?);
    let shared = Rc::new(Shared::new(mark, plan.interval(), copies.collect()));
    let begun = Instant::now();
    let mut crowd = Crowd::gather(snapshot, chats, plan, &shared).await?;
    let connecting_seconds = begun.elapsed().as_secs_f64();
    sleep(SETTLE).await;
    let resident_kib = pid.and_then(process::resident_kib);
    let quiet_percent = quiet_percent(pid).await;

    let start = shared.now() + nanos(BEFORE);
    let window = Window::starting_at(start, plan.warmup, plan.measured);
    shared.window.set(window);
    crowd.enter(Phase::Writing);
    tokio::time::sleep_until(shared.instant(window.from)).await;
    let first = Sample::take(&shared, pid);
    tokio::time::sleep_until(shared.instant(window.to)).await;
    let last = Sample::take(&shared, pid);
    let give_up = Instant::now() + GRACE;
    while !shared.all_arrived() && Instant::now() < give_up {
        sleep(LOOK_AGAIN).await;
    }
    let connections = crowd.connections;
    let grown = crowd.leave(&shared).await;

    let server = Load {
        quiet_percent,
        resident_kib,
        ..Load::default()
    };
    let mut report = report(plan, &shared, &first, &last, server);
    report.connections = connections;
    report.connecting_seconds = connecting_seconds;
    report.events_per_message = grown as f64 / shared.sent.get().max(1) as f64;
    Ok(report)
}

/// The chat whose turn message `number` is.
fn turn(number: u64, chats: &[Chat]) -> Option<&Chat> {
    let place = number % (chats.len().max(1) as u64);
    chats.get(usize::try_from(place).ok()?)
}

/// Of one processor, while nothing but heartbeats goes on.
async fn quiet_percent(pid: Option<u32>) -> Option<f64> {
    let before = process::cpu_time(pid?)?;
    sleep(QUIET).await;
    let used = process::cpu_time(pid?)?.saturating_sub(before);
    Some(used.as_secs_f64() / QUIET.as_secs_f64() * 100.0)
}

fn report(
    plan: &Plan,
    shared: &Shared,
    first: &Sample,
    last: &Sample,
    mut server: Load,
) -> FanoutReport {
    let span = Duration::from_nanos(last.at - first.at).as_secs_f64();
    let copies = last.copies - first.copies;
    let between = |from: Option<Duration>, to: Option<Duration>| {
        Some(to?.saturating_sub(from?).as_secs_f64())
    };
    let each = |used: f64| used * 1e6 / copies.max(1) as f64;
    let used = between(first.server, last.server);
    let own = between(first.own, last.own);
    server.cpu_us_per_copy = used.map(each);
    server.cpu_percent = used.map(|used| used / span * 100.0);
    server.cpu_us_per_copy_above_quiet = used
        .zip(server.quiet_percent)
        .map(|(used, quiet)| each((used - quiet / 100.0 * span).max(0.0)));
    let mut faults = shared.faults.borrow().clone();
    faults.lost = shared.outstanding();
    faults.unanswered = shared.planned().saturating_sub(shared.answered.get());
    FanoutReport {
        chats: plan.chats,
        connections: 0,
        connecting_seconds: 0.0,
        offered: plan.rate,
        copies_per_message: shared.copies_per_message(),
        size: plan.size,
        ack_within_ms: nanos(plan.ack_within) / 1_000_000,
        seconds: span,
        sent: shared.sent.get(),
        copies_per_second: copies as f64 / span,
        events_per_message: 0.0,
        to_queued: Latency::of(&shared.to_queued.borrow()),
        to_each: Latency::of(&shared.to_each.borrow()),
        to_last: Latency::of(&shared.to_last.borrow()),
        schedule_lag: Latency::of(&shared.lag.borrow()),
        server,
        client_cpu_us_per_copy: own.map(each),
        client_cpu_percent: own.map(|used| used / span * 100.0),
        faults,
        baseline: None,
        cpu_ratio: None,
    }
}
