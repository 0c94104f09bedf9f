//! Devices that come back all at once, as after a network was down: each with as many events that it has missed.

use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use melo_client::crypto::random;
use melo_domain::Seq;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::args::ReconnectArgs;
use crate::fail::Failure;
use crate::gather::{self, Connected, Present};
use crate::process::{self, Reads};
use crate::report::{Faults, Latency, ReconnectReport, ReconnectRound, histogram};
use crate::run::message::{Frames, To};
use crate::run::nanos;
use crate::scan::{self, Event};
use crate::snapshot::{Chat, Snapshot};
use crate::wire::{Dialer, Frame};

/// Bytes of each event that is missed.
const SIZE: usize = 256;
/// From the last acknowledgement until it is on disk; positions are written every second.
const SETTLE: Duration = Duration::from_millis(2500);
/// How long a writer waits for its answers.
const WRITTEN_WITHIN: Duration = Duration::from_mins(1);

/// One round after the other, on the same chats.
pub(crate) async fn measure(
    snapshot: &Snapshot,
    args: &ReconnectArgs,
) -> Result<ReconnectReport, Failure> {
    let chats = &snapshot.chats;
    let most = chats.iter().map(|chat| chat.members - 1).sum();
    for devices in &args.devices {
        if *devices > most {
            return Err(Failure::TooFew {
                what: "members besides those who write",
                have: most,
                asked: *devices,
            });
        }
    }
    let dialer = Dialer::new(&snapshot.target)?;
    let writers = gather::sign_in(snapshot, chats.iter().map(|chat| chat.first)).await?;
    let readers = gather::sign_in(snapshot, in_turn(chats)).await?;
    let readers: Vec<Rc<Present>> = sorted(readers, chats);
    let mut rounds = Vec::with_capacity(args.devices.len());
    for devices in &args.devices {
        catch_up(&dialer, &readers).await?;
        for chat in chats {
            let writer = writers.iter().find(|writer| writer.user == chat.first);
            let writer = writer.ok_or(Failure::TooFew {
                what: "writers",
                have: writers.len(),
                asked: chats.len(),
            })?;
            write(&dialer, writer, chat, args.missed).await?;
        }
        sleep(SETTLE).await;
        let back = readers.get(..*devices).unwrap_or_default();
        let mut round = come_back(&dialer, back, args).await?;
        round.chats = chats.len().min(*devices);
        rounds.push(round);
    }
    Ok(ReconnectReport { rounds })
}

/// The members who only read: the first of each chat, then the second of each, and so on, so that any number of them
/// has the chats in equal parts.
fn in_turn(chats: &[Chat]) -> Vec<usize> {
    let largest = chats.iter().map(|chat| chat.members).max().unwrap_or(0);
    (1..largest)
        .flat_map(|nth| {
            let has = chats.iter().filter(move |chat| nth < chat.members);
            has.map(move |chat| chat.first + nth)
        })
        .collect()
}

/// In the order of [`in_turn`], whatever order the answers came in.
fn sorted(present: Vec<Present>, chats: &[Chat]) -> Vec<Rc<Present>> {
    let order: std::collections::HashMap<usize, usize> =
        in_turn(chats).into_iter().zip(0..).collect();
    let mut present: Vec<Rc<Present>> = present.into_iter().map(Rc::new).collect();
    present.sort_by_key(|one| order.get(&one.user).copied());
    present
}

/// Everybody reads what there is, and acknowledges it.
async fn catch_up(dialer: &Dialer, readers: &[Rc<Present>]) -> Result<(), Failure> {
    let mut leaving = JoinSet::new();
    gather::connect(dialer, readers, |connected| {
        leaving.spawn_local(gather::leave(connected));
        Ok(())
    })
    .await?;
    join(leaving).await?;
    sleep(SETTLE).await;
    Ok(())
}

async fn join(mut leaving: JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(left) = leaving.join_next().await {
        left.map_err(|error| Failure::Server(error.to_string()))??;
    }
    Ok(())
}

/// Writes `count` messages to a chat.
async fn write(dialer: &Dialer, writer: &Present, chat: &Chat, count: u64) -> Result<(), Failure> {
    let mut socket = dialer.connect(&writer.token).await?;
    let (mut cursors, _) = gather::until_synced(&mut socket).await?;
    let mut frames = Frames::new(
        To::Chat(chat.log),
        chat.log,
        u32::from_ne_bytes(random::bytes()?),
        SIZE,
    )?;
    for number in 0..count {
        socket.outgoing.text(frames.relay(number, 0));
    }
    let answers = async {
        let mut left = count;
        let mut newest: Seq = 0;
        while left > 0 {
            while let Some(frame) = socket.incoming.next()? {
                let Frame::Text(text) = frame else { continue };
                match scan::event(text, 0) {
                    Event::Queued { seq, .. } => {
                        newest = newest.max(seq);
                        left -= 1;
                    }
                    Event::Refused { .. } => {
                        let why = String::from_utf8_lossy(text).into_owned();
                        return Err(Failure::Server(why));
                    }
                    _ => {}
                }
            }
            if left > 0 {
                socket.exchange().await?;
            }
        }
        Ok(newest)
    };
    let newest = timeout(WRITTEN_WITHIN, answers)
        .await
        .map_err(|_| Failure::Server("does not take what is missed".to_owned()))??;
    cursors.insert(chat.log, newest);
    gather::leave(Connected {
        user: writer.user,
        socket,
        cursors,
        missed: 0,
    })
    .await
}

/// A device that is back.
struct Back {
    opened: Duration,
    synced: Duration,
    connected: Connected,
}

async fn come_back(
    dialer: &Dialer,
    devices: &[Rc<Present>],
    args: &ReconnectArgs,
) -> Result<ReconnectRound, Failure> {
    let (reads, cpu) = (
        args.pid.and_then(process::reads),
        args.pid.and_then(process::cpu_time),
    );
    let own = process::cpu_time(std::process::id());
    let together = Rc::new(Barrier::new(devices.len().max(1)));
    let mut tasks = JoinSet::new();
    for device in devices {
        let (dialer, device) = (dialer.clone(), Rc::clone(device));
        let together = Rc::clone(&together);
        tasks.spawn_local(async move {
            together.wait().await;
            back(&dialer, &device).await
        });
    }
    let begun = Instant::now();
    let mut here = Vec::with_capacity(devices.len());
    let mut faults = Faults::default();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(back)) => here.push(back),
            Ok(Err(failure)) => {
                faults.connections_lost += 1;
                faults.note(&failure.to_string());
            }
            Err(error) => return Err(Failure::Server(error.to_string())),
        }
    }
    let total = begun.elapsed();
    let used = |before: Option<Duration>, pid: u32| {
        Some(
            process::cpu_time(pid)?
                .saturating_sub(before?)
                .as_secs_f64()
                * 1000.0,
        )
    };
    let mut round = ReconnectRound {
        devices: devices.len(),
        missed: args.missed,
        total_ms: total.as_secs_f64() * 1000.0,
        server_cpu_ms: args.pid.and_then(|pid| used(cpu, pid)),
        client_cpu_ms: used(own, std::process::id()),
        resident_kib: args.pid.and_then(process::resident_kib),
        ..ReconnectRound::default()
    };
    if let Some((after, before)) = args.pid.and_then(process::reads).zip(reads) {
        round.note_reads(difference(after, before));
    }
    settle(&mut round, here, faults, args.missed).await?;
    Ok(round)
}

fn difference(after: Reads, before: Reads) -> Reads {
    Reads {
        calls: after.calls.saturating_sub(before.calls),
        bytes: after.bytes.saturating_sub(before.bytes),
    }
}

async fn back(dialer: &Dialer, device: &Present) -> Result<Back, Failure> {
    let begun = Instant::now();
    let mut socket = dialer.connect(&device.token).await?;
    let opened = begun.elapsed();
    let (cursors, missed) = gather::until_synced(&mut socket).await?;
    Ok(Back {
        opened,
        synced: begun.elapsed(),
        connected: Connected {
            user: device.user,
            socket,
            cursors,
            missed,
        },
    })
}

/// Counts what came, and lets everybody acknowledge it and go.
async fn settle(
    round: &mut ReconnectRound,
    here: Vec<Back>,
    mut faults: Faults,
    missed: u64,
) -> Result<(), Failure> {
    let (mut opened, mut synced): (Histogram<u64>, Histogram<u64>) = (histogram(), histogram());
    let mut leaving = JoinSet::new();
    for back in here {
        opened.saturating_record(nanos(back.opened) / 1000);
        synced.saturating_record(nanos(back.synced) / 1000);
        let came = back.connected.missed;
        round.events += came;
        faults.lost += missed.saturating_sub(came);
        faults.repeated += came.saturating_sub(missed);
        leaving.spawn_local(gather::leave(back.connected));
    }
    join(leaving).await?;
    round.to_open = Some(Latency::of(&opened));
    round.to_synced = Some(Latency::of(&synced));
    round.faults = faults;
    Ok(())
}

#[cfg(test)]
mod tests {
    use melo_domain::LogId;

    use super::*;

    #[test]
    fn readers_are_taken_from_each_chat_in_turn_and_never_the_writer() {
        let chat = |first, members| Chat {
            log: LogId::from_random(first as u64 + 1),
            first,
            members,
        };
        assert_eq!(in_turn(&[chat(0, 3), chat(3, 4)]), [1, 4, 2, 5, 6]);
    }
}
