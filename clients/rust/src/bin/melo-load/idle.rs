//! Connections that do nothing, and what the server needs to hold them.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use melo_domain::Secret;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::accounts;
use crate::fail::Failure;
use crate::process;
use crate::report::IdleReport;
use crate::scan::{self, Event};
use crate::snapshot::Snapshot;
use crate::wire::{Dialer, Frame, Socket};

/// Connections made at a time.
const CONNECTING: usize = 16;
/// Before each look at the server's memory.
const SETTLE: Duration = Duration::from_secs(2);

/// Opens `connections`, spread over all users and as many devices as it takes, holds them, and closes them.
pub(crate) async fn idle(
    snapshot: &Snapshot,
    connections: usize,
    hold: Duration,
    pid: u32,
) -> Result<IdleReport, Failure> {
    let resident = || {
        let gone = || Failure::Server(format!("there is no process {pid}"));
        process::resident_kib(pid).ok_or_else(gone)
    };
    let api = snapshot.target.api()?;
    let (api, dialer) = (&api, Dialer::new(&snapshot.target)?);
    let users = snapshot.users.len().max(1);
    // A device has one connection: what is more than there are users takes further devices of theirs.
    let devices = snapshot.users.iter().cycle().take(connections).enumerate();
    let tokens: Vec<Secret> = stream::iter(devices)
        .map(|(n, user)| accounts::on_device(api, user, n / users))
        .buffer_unordered(CONNECTING)
        .try_collect()
        .await?;
    if tokens.is_empty() {
        return Err(Failure::TooFew {
            what: "users",
            have: 0,
            asked: 1,
        });
    }
    sleep(SETTLE).await;
    let resident_before_kib = resident()?;

    let begun = Instant::now();
    let dialer = &dialer;
    let lost = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    let mut sockets = stream::iter(&tokens)
        .map(|token| async move {
            let mut socket = dialer.connect(token).await?;
            until_synced(&mut socket).await?;
            Ok::<_, Failure>(socket)
        })
        .buffer_unordered(CONNECTING);
    while let Some(socket) = sockets.try_next().await? {
        let lost = Rc::clone(&lost);
        tasks.spawn_local(async move {
            let Err(_) = answer_pings(socket).await;
            lost.set(lost.get() + 1);
        });
    }
    drop(sockets);
    let connecting_seconds = begun.elapsed().as_secs_f64();
    sleep(SETTLE).await;
    let resident_connected_kib = resident()?;

    let cpu_before = process::cpu_time(pid);
    sleep(hold).await;
    let cpu = process::cpu_time(pid).zip(cpu_before);
    let resident_held_kib = resident()?;
    let lost = lost.get();
    tasks.shutdown().await;
    sleep(SETTLE).await;

    let most = resident_connected_kib.max(resident_held_kib);
    Ok(IdleReport {
        connections,
        lost,
        connecting_seconds,
        held_seconds: hold.as_secs(),
        resident_before_kib,
        resident_connected_kib,
        resident_held_kib,
        resident_closed_kib: resident()?,
        kib_per_connection: most.saturating_sub(resident_before_kib) as f64
            / connections.max(1) as f64,
        cpu_percent: cpu.map(|(after, before)| {
            after.saturating_sub(before).as_secs_f64() / hold.as_secs_f64().max(0.001) * 100.0
        }),
    })
}

async fn until_synced(socket: &mut Socket) -> Result<(), Failure> {
    loop {
        while let Some(frame) = socket.incoming.next()? {
            match frame {
                Frame::Text(text) if scan::event(text, 0) == Event::Synced => return Ok(()),
                Frame::Ping(payload) => socket.outgoing.pong(payload),
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
                Frame::Text(_) | Frame::Other => {}
            }
        }
        socket.exchange().await?;
    }
}

/// Keeps a connection alive until the server ends it.
async fn answer_pings(mut socket: Socket) -> Result<std::convert::Infallible, Failure> {
    loop {
        while let Some(frame) = socket.incoming.next()? {
            match frame {
                Frame::Ping(payload) => socket.outgoing.pong(payload),
                Frame::Close { code, reason } => return Err(Failure::Closed { code, reason }),
                Frame::Text(_) | Frame::Other => {}
            }
        }
        socket.exchange().await?;
    }
}
