//! Messages between pairs: connect everybody, send on a schedule or flat out, wait for what is on its way,
//! and check that everything arrived once and in order.

pub(crate) mod message;
mod peer;
mod shared;

use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use melo_client::crypto::random;
use tokio::task::JoinSet;

use crate::accounts;
use crate::args::PlanArgs;
use crate::fail::Failure;
use crate::logins;
use crate::process;
use crate::report::{Latency, RunReport, ServerLoad};
use crate::snapshot::{Pair, Snapshot};
use crate::wire::Dialer;
use peer::{Offer, Peer, Place};
pub(crate) use shared::Window;
use shared::{PairState, Shared};

/// Connections made at a time.
const CONNECTING: usize = 16;
/// Between the last connection and the first message.
const SETTLE: Duration = Duration::from_millis(300);

/// What is read at both ends of the measured span.
struct Sample {
    at: u64,
    queued: u64,
    delivered: u64,
    server: Option<Duration>,
    own: Option<Duration>,
}

impl Sample {
    fn take(shared: &Shared, pid: Option<u32>) -> Self {
        Self {
            at: shared.now(),
            queued: shared.queued.get(),
            delivered: shared.delivered.get(),
            server: pid.and_then(process::cpu_time),
            own: process::cpu_time(std::process::id()),
        }
    }
}

/// Carries out a plan. `pid` is the server's process, when it runs on this machine.
pub(crate) async fn run(
    snapshot: &Snapshot,
    plan: &PlanArgs,
    pid: Option<u32>,
) -> Result<RunReport, Failure> {
    let pairs = snapshot.some_pairs(plan.pairs)?;
    let shared = Rc::new(Shared::new(u32::from_ne_bytes(random::bytes()?)));
    let peers = connect(snapshot, pairs, plan, &shared).await?;
    let resident_before = pid.and_then(process::resident_kib);

    let window = Window::starting_at(
        shared.now() + nanos(SETTLE),
        Duration::from_secs(plan.warmup),
        Duration::from_secs(plan.seconds),
    );
    shared.window.set(window);
    let mut tasks = JoinSet::new();
    for peer in peers {
        tasks.spawn_local(peer.run());
    }
    let beside = if plan.logins > 0 {
        Some(logins::Storm::start(
            snapshot,
            logins::Pace::Offered(plan.logins),
            shared.instant(window.to),
        )?)
    } else {
        None
    };

    tokio::time::sleep_until(shared.instant(window.from)).await;
    let first = Sample::take(&shared, pid);
    tokio::time::sleep_until(shared.instant(window.to)).await;
    let last = Sample::take(&shared, pid);
    let resident_after = pid.and_then(process::resident_kib);

    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => shared.lost_connection(&failure),
            Err(error) => shared.lost_connection(&Failure::Server(error.to_string())),
        }
    }
    let logins = match beside {
        Some(storm) => Some(storm.finish().await),
        None => None,
    };
    let load = ServerLoad {
        resident_before_kib: resident_before,
        resident_after_kib: resident_after,
        ..ServerLoad::default()
    };
    Ok(report(
        plan,
        pairs.len(),
        &shared,
        &first,
        &last,
        load,
        logins,
    ))
}

/// Signs everybody in and connects them; returns when all have been sent what they had missed.
async fn connect(
    snapshot: &Snapshot,
    pairs: &[Pair],
    plan: &PlanArgs,
    shared: &Rc<Shared>,
) -> Result<Vec<Peer>, Failure> {
    let api = snapshot.target.api()?;
    let dialer = Dialer::new(&snapshot.target)?;
    let senders = pairs.len() * if plan.both_ways { 2 } else { 1 };
    let mut places = Vec::with_capacity(pairs.len() * 2);
    for (index, pair) in pairs.iter().enumerate() {
        let state = Rc::new(PairState::default());
        for side in 0..2 {
            let sends = side == 0 || plan.both_ways;
            let nth = if plan.both_ways {
                index * 2 + side
            } else {
                index
            };
            let offer = sends.then(|| Offer::new(plan, nth, senders));
            places.push((pair, side, Rc::clone(&state), offer));
        }
    }
    let (api, dialer) = (&api, &dialer);
    stream::iter(places)
        .map(|(pair, side, state, offer)| async move {
            let (own, other) = if side == 0 {
                (pair.first, pair.second)
            } else {
                (pair.second, pair.first)
            };
            let token = accounts::with_device_token(api, snapshot.user(own)?).await?;
            let socket = dialer.connect(&token).await?;
            let target = snapshot.user(other)?.uid;
            let size = plan.size as usize;
            let to = message::To::Person(target);
            let frames = message::Frames::new(to, pair.log, shared.mark, size)?;
            let place = Place {
                side,
                pair: state,
                offer,
                ack_within: plan.ack_within_ms * 1_000_000,
            };
            Peer::synced(socket, frames, place, Rc::clone(shared)).await
        })
        .buffer_unordered(CONNECTING)
        .try_collect()
        .await
}

fn report(
    plan: &PlanArgs,
    pairs: usize,
    shared: &Shared,
    first: &Sample,
    last: &Sample,
    mut load: ServerLoad,
    logins: Option<crate::report::LoginReport>,
) -> RunReport {
    let span = Duration::from_nanos(last.at - first.at).as_secs_f64();
    let delivered = last.delivered - first.delivered;
    let between = |from: Option<Duration>, to: Option<Duration>| Some(to?.saturating_sub(from?));
    let per_message = |used: Duration| used.as_secs_f64() * 1e6 / (delivered.max(1)) as f64;
    let server = between(first.server, last.server);
    let own = between(first.own, last.own);
    load.cpu_us_per_message = server.map(per_message);
    load.cpu_percent = server.map(|used| used.as_secs_f64() / span * 100.0);
    let faults = shared.faults.borrow().clone();
    RunReport {
        offered: plan.rate,
        outstanding: plan.flat_out.then_some(plan.outstanding),
        pairs,
        both_ways: plan.both_ways,
        size: plan.size,
        seconds: span,
        sent: shared.sent.get(),
        queued_per_second: (last.queued - first.queued) as f64 / span,
        delivered_per_second: delivered as f64 / span,
        to_queued: Latency::of(&shared.to_queued.borrow()),
        to_delivery: Latency::of(&shared.to_delivery.borrow()),
        schedule_lag: plan.rate.map(|_| Latency::of(&shared.lag.borrow())),
        server: load,
        client_cpu_us_per_message: own.map(per_message),
        client_cpu_percent: own.map(|used| used.as_secs_f64() / span * 100.0),
        faults,
        logins,
    }
}

/// A span in nanoseconds.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
