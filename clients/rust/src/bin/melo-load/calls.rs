//! Calls between pairs, on a schedule that waits for nobody: how long an offer takes through the server, beside as
//! many direct messages on the same server. Each call is given up as soon as it rings, and so written into its log, at
//! the latest when its pair's next one is due.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hdrhistogram::Histogram;
use melo_client::crypto::random;
use memchr::memmem::find;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::accounts;
use crate::args::{CallsArgs, PlanArgs};
use crate::fail::Failure;
use crate::process;
use crate::report::{CallsReport, Faults, Latency, histogram, record};
use crate::run::{self, Window, nanos};
use crate::snapshot::{Pair, Snapshot};
use crate::wire::{Dialer, Frame, Socket};

/// Connections made at a time.
const CONNECTING: usize = 16;
/// From the last connection to the first call.
const BEFORE: Duration = Duration::from_millis(500);
/// How long an offer may take before it counts as lost.
const GRACE: Duration = Duration::from_secs(15);
/// Between two looks whether everything has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What all pairs count together.
struct Shared {
    base: Instant,
    window: Window,
    offers: RefCell<Histogram<u64>>,
    lag: RefCell<Histogram<u64>>,
    faults: RefCell<Faults>,
    sent: RefCell<u64>,
    arrived: RefCell<u64>,
}

impl Shared {
    fn now(&self) -> u64 {
        nanos(self.base.elapsed())
    }

    fn instant(&self, at: u64) -> Instant {
        self.base + Duration::from_nanos(at)
    }
}

/// Offers calls, after as many direct messages.
pub(crate) async fn measure(snapshot: &Snapshot, args: &CallsArgs) -> Result<CallsReport, Failure> {
    let baseline = if args.no_baseline {
        None
    } else {
        Some(Box::new(
            run::run(snapshot, &messages(args), args.pid).await?,
        ))
    };
    let pairs = snapshot.some_pairs(args.pairs)?;
    let ready = connect(snapshot, pairs).await?;
    let base = Instant::now();
    let window = Window::starting_at(
        nanos(BEFORE),
        Duration::from_secs(args.warmup),
        Duration::from_secs(args.seconds),
    );
    let shared = Rc::new(Shared {
        base,
        window,
        offers: RefCell::new(histogram()),
        lag: RefCell::new(histogram()),
        faults: RefCell::default(),
        sent: RefCell::new(0),
        arrived: RefCell::new(0),
    });
    let mut tasks = JoinSet::new();
    for (nth, sockets) in ready.into_iter().enumerate() {
        let talk = Talk::new(sockets, args, nth, pairs.len())?;
        tasks.spawn_local(talk.run(Rc::clone(&shared)));
    }
    sleep_until(shared.instant(window.from)).await;
    let first = (
        args.pid.and_then(process::cpu_time),
        *shared.arrived.borrow(),
    );
    sleep_until(shared.instant(window.to)).await;
    let last = (
        args.pid.and_then(process::cpu_time),
        *shared.arrived.borrow(),
    );
    while let Some(ended) = tasks.join_next().await {
        let failure = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(failure)) => failure,
            Err(error) => Failure::Server(error.to_string()),
        };
        let mut faults = shared.faults.borrow_mut();
        faults.connections_lost += 1;
        faults.note(&failure.to_string());
    }
    let arrived = last.1 - first.1;
    let used = last
        .0
        .zip(first.0)
        .map(|(to, from)| to.saturating_sub(from));
    let offers = Latency::of(&shared.offers.borrow());
    Ok(CallsReport {
        offered: args.rate,
        pairs: pairs.len(),
        size: args.size,
        seconds: args.seconds,
        sent: *shared.sent.borrow(),
        arrived_per_second: arrived as f64 / args.seconds.max(1) as f64,
        offer_in_to_out: offers,
        schedule_lag: Latency::of(&shared.lag.borrow()),
        p99_ratio: baseline
            .as_ref()
            .map(|b| offers.p99_ms / b.to_delivery.p99_ms.max(0.001)),
        cpu_us_per_call: used.map(|used| used.as_secs_f64() * 1e6 / arrived.max(1) as f64),
        faults: shared.faults.borrow().clone(),
        baseline,
    })
}

/// As many direct messages as calls.
fn messages(args: &CallsArgs) -> PlanArgs {
    PlanArgs {
        rate: Some(args.rate),
        flat_out: false,
        outstanding: 16,
        seconds: args.seconds,
        warmup: args.warmup,
        size: args.size,
        pairs: args.pairs,
        both_ways: false,
        ack_within_ms: 200,
        logins: 0,
    }
}

/// The two of a pair, and whom the first calls.
struct Sockets {
    caller: Socket,
    callee: Socket,
    target: String,
}

async fn connect(snapshot: &Snapshot, pairs: &[Pair]) -> Result<Vec<Sockets>, Failure> {
    let api = snapshot.target.api()?;
    let dialer = Dialer::new(&snapshot.target)?;
    let (api, dialer) = (&api, &dialer);
    stream::iter(pairs)
        .map(|pair| async move {
            let caller = accounts::with_device_token(api, snapshot.user(pair.first)?).await?;
            let callee = accounts::with_device_token(api, snapshot.user(pair.second)?).await?;
            Ok(Sockets {
                caller: dialer.connect(&caller).await?,
                callee: dialer.connect(&callee).await?,
                target: snapshot.user(pair.second)?.uid.to_string(),
            })
        })
        .buffer_unordered(CONNECTING)
        .try_collect()
        .await
}

/// A pair that calls.
struct Talk {
    sockets: Sockets,
    /// The first half of the ids of its calls; the number of each follows.
    run: String,
    sdp: String,
    first: u64,
    interval: u64,
    calls: u64,
    /// The last one that was hung up.
    ended: u64,
    /// Offers on their way: number, and when it was due.
    waiting: VecDeque<(u64, u64)>,
}

impl Talk {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )] // spans of seconds
    fn new(sockets: Sockets, args: &CallsArgs, nth: usize, pairs: usize) -> Result<Self, Failure> {
        let between_any = 1e9 / args.rate.max(0.001);
        let id = random::uuid().map_err(|error| Failure::Server(error.to_string()))?;
        Ok(Self {
            sockets,
            run: id.to_string().chars().take(24).collect(),
            sdp: "a=candidate ".repeat(args.size as usize / 12),
            first: (between_any * nth as f64) as u64,
            interval: (between_any * pairs as f64) as u64,
            calls: 0,
            ended: 0,
            waiting: VecDeque::new(),
        })
    }

    async fn run(mut self, shared: Rc<Shared>) -> Result<(), Failure> {
        loop {
            let now = shared.now();
            self.hear(&shared, now)?;
            let next = self.call(&shared, now);
            let end = shared.window.to;
            let settled = self.waiting.is_empty() && next.is_none() && now >= end;
            if settled || now > end + nanos(GRACE) {
                break;
            }
            let wake = next
                .unwrap_or(now + nanos(LOOK_AGAIN))
                .min(now + nanos(LOOK_AGAIN));
            tokio::select! {
                biased;
                read = self.sockets.callee.exchange() => read?,
                read = self.sockets.caller.exchange() => read?,
                () = sleep_until(shared.instant(wake)) => {}
            }
        }
        shared.faults.borrow_mut().lost += self.waiting.len() as u64;
        self.give_up();
        self.sockets.caller.outgoing.close();
        self.sockets.caller.flush().await?;
        self.sockets.callee.outgoing.close();
        self.sockets.callee.flush().await
    }

    /// The offers that are due; when the next one is.
    fn call(&mut self, shared: &Shared, now: u64) -> Option<u64> {
        loop {
            let due = shared.window.start + self.first + self.calls * self.interval;
            if due >= shared.window.to {
                return None;
            }
            if due > now {
                return Some(due);
            }
            self.give_up();
            self.calls += 1;
            let (run, number) = (&self.run, self.calls);
            let offer = format!(
                r#"{{"type":"offer","call_id":"{run}{number:012x}","target":"{}","media":"audio","sdp":"{}"}}"#,
                self.sockets.target, self.sdp
            );
            self.sockets.caller.outgoing.text(offer.as_bytes());
            self.waiting.push_back((number, due));
            *shared.sent.borrow_mut() += 1;
            if shared.window.holds(due) {
                record(&shared.lag, now.saturating_sub(due));
            }
        }
    }

    /// Hangs up the last call, if that was not done.
    fn give_up(&mut self) {
        if self.calls > self.ended {
            self.ended = self.calls;
            let (run, number) = (&self.run, self.calls);
            let end = format!(r#"{{"type":"call_end","call_id":"{run}{number:012x}"}}"#);
            self.sockets.caller.outgoing.text(end.as_bytes());
        }
    }

    fn hear(&mut self, shared: &Shared, now: u64) -> Result<(), Failure> {
        while let Some(frame) = self.sockets.caller.incoming.next()? {
            match frame {
                Frame::Text(text) if text.starts_with(br#"{"type":"error""#) => {
                    let mut faults = shared.faults.borrow_mut();
                    faults.refused += 1;
                    faults.note(&String::from_utf8_lossy(text));
                }
                Frame::Text(_) | Frame::Other => {}
                Frame::Ping(payload) => self.sockets.caller.outgoing.pong(payload),
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
            }
        }
        let mut rang = false;
        while let Some(frame) = self.sockets.callee.incoming.next()? {
            match frame {
                Frame::Text(text) => {
                    if let Some(number) = offer_number(text, &self.run) {
                        arrived(&mut self.waiting, shared, number, now);
                        rang |= number == self.calls;
                    }
                }
                Frame::Other => {}
                Frame::Ping(payload) => self.sockets.callee.outgoing.pong(payload),
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
            }
        }
        if rang {
            self.give_up();
        }
        Ok(())
    }
}

fn arrived(waiting: &mut VecDeque<(u64, u64)>, shared: &Shared, number: u64, now: u64) {
    let Some(at) = waiting.iter().position(|(waits, _)| *waits == number) else {
        shared.faults.borrow_mut().repeated += 1;
        return;
    };
    if let Some((_, due)) = waiting.remove(at) {
        *shared.arrived.borrow_mut() += 1;
        if shared.window.holds(due) {
            record(&shared.offers, now.saturating_sub(due));
        }
    }
}

/// Which call of this run an offer is of.
fn offer_number(text: &[u8], run: &str) -> Option<u64> {
    let rest = text.strip_prefix(br#"{"type":"offer""#)?;
    let at = find(rest, run.as_bytes())? + run.len();
    let digits = std::str::from_utf8(rest.get(at..at + 12)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_known_by_its_number() {
        let run = "936da01f-9abd-4d9d-80c7-";
        let text = format!(r#"{{"type":"offer","from":"10000001","call_id":"{run}00000000001f"}}"#);
        assert_eq!(offer_number(text.as_bytes(), run), Some(31));
        assert_eq!(offer_number(text.as_bytes(), "something-else"), None);
        let state = text.replace("offer", "call_state");
        assert_eq!(offer_number(state.as_bytes(), run), None);
    }
}
