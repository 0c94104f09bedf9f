//! The relay for calls: how much goes through it, beside a bare forwarder in the same run, and what an allocation takes.

mod flow;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use melo_client::crypto::random;
use melo_client::crypto::rsa_keys::DecryptionKey;
use melo_client::rest::calls::Call;
use melo_domain::Secret;
use melo_protocol::rest::ice::IceServersAnswer;
use melo_stun::client::{Client, Link};
use melo_stun::{ChannelData, code};
use tokio::time::sleep;

use crate::accounts;
use crate::args::TurnArgs;
use crate::fail::Failure;
use crate::process;
use crate::report::{RelayRound, TurnReport};
use crate::start::Server;
use flow::{PAYLOAD, Passed};

/// The channel that data goes on.
const CHANNEL: u16 = 0x4000;
/// Allocations asked for at a time.
const ASKING: usize = 16;
/// Ports that are tried for an allocation: earlier rounds have left theirs to expire.
const PORTS: usize = 8;
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked at before it counts: what signing in and speed took is given back within half a minute.
const LOOKS: u32 = 20;
/// Less than this is no change, in KiB.
const STILL: u64 = 128;

/// What the server is told besides: the limits for people are out of the way, and this machine may be relayed to.
fn settings(port: u16, allocations: usize) -> Vec<String> {
    let room = allocations + 100;
    vec![
        format!("TURN_PORT={port}"),
        "TURN_TLS_PORT=0".to_owned(),
        "TURN_ALLOW_NETWORKS=127.0.0.0/8".to_owned(),
        "TURN_RELAY_PORTS=20000-65535".to_owned(),
        format!("TURN_MAX_ALLOCATIONS={room}"),
        format!("TURN_USER_ALLOCATIONS={room}"),
        "TURN_USER_KBIT=0".to_owned(),
        "TURN_TOTAL_KBIT=0".to_owned(),
    ]
}

/// Name, password and address of the relay.
#[derive(Clone)]
struct Relay {
    address: SocketAddr,
    username: String,
    password: Secret,
}

/// Starts a server and measures its relay.
pub(crate) async fn measure(args: &TurnArgs) -> Result<TurnReport, Failure> {
    let dir = crate::start::scratch()?;
    let report = measure_in(&dir, args).await;
    crate::files::remove_dir(&dir)?;
    report
}

async fn measure_in(dir: &std::path::Path, args: &TurnArgs) -> Result<TurnReport, Failure> {
    let port = local()?.local_addr()?.port();
    let mut env = settings(port, args.allocations);
    env.extend(args.env.iter().cloned());
    let server = Server::start(&args.bin, dir, &env).await?;
    let relay = credentials(&server, port).await?;

    let mut rounds = Vec::new();
    for _ in 0..args.rounds.max(1) {
        let span = Duration::from_secs(args.seconds);
        let bare = blocking(move || bare(span)).await?;
        let before = process::cpu_time(server.pid);
        let relayed = relayed(&relay, span).await?;
        let used = process::cpu_time(server.pid).zip(before);
        rounds.push(RelayRound {
            forwarder_mbit: bare.mbit(),
            relay_mbit: relayed.mbit(),
            forwarder_lost: bare.lost,
            relay_lost: relayed.lost,
            server_cpu_us: used.map(|(after, before)| {
                after.saturating_sub(before).as_secs_f64() * 1e6 / relayed.datagrams.max(1) as f64
            }),
        });
    }
    let (before_kib, held_kib, after_kib) = hold(&server, &relay, args.allocations).await?;
    server.stop().await?;
    Ok(TurnReport {
        payload: PAYLOAD,
        rounds,
        allocations: args.allocations,
        resident_before_kib: before_kib,
        resident_held_kib: held_kib,
        resident_after_kib: after_kib,
        kib_per_allocation: held_kib.saturating_sub(before_kib) as f64
            / args.allocations.max(1) as f64,
    })
}

/// Registers somebody, and asks what they should use.
async fn credentials(server: &Server, port: u16) -> Result<Relay, Failure> {
    let api = server.target.api()?;
    let key = DecryptionKey::generate()?.public().to_pem()?;
    let signed_in = accounts::register(&api, &key).await?;
    let call: Call<IceServersAnswer> = Call::get("/ice_servers");
    let answer = api.send(&call, Some(&signed_in.access_token)).await;
    let answer = answer.map_err(Failure::call("ice_servers"))?;
    let mut servers = answer.ice_servers.into_iter();
    let found = servers.find_map(|server| Some((server.username?, server.credential?)));
    let (username, password) =
        found.ok_or_else(|| Failure::Server("has no relay; see its log".to_owned()))?;
    Ok(Relay {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        username,
        password,
    })
}

fn local() -> std::io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

fn fill(buffer: &mut [u8]) {
    for chunk in buffer.chunks_mut(8) {
        let bytes = random::below(u64::MAX).to_ne_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}

fn refused(error: &melo_stun::client::ClientError) -> Failure {
    Failure::Server(format!("the relay: {error}"))
}

async fn client(relay: &Relay) -> Result<Client, Failure> {
    let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(relay.address).await?;
    let (username, password) = (relay.username.clone(), relay.password.clone());
    Ok(Client::new(Link::Udp(socket), username, password, fill))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Failure::Server("a thread of ours ended".to_owned()))??)
}

/// Through a loop that receives and sends.
fn bare(span: Duration) -> std::io::Result<Passed> {
    let (from, at, out, to) = (local()?, local()?, local()?, local()?);
    from.connect(at.local_addr()?)?;
    out.connect(to.local_addr()?)?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let forwarding = scope.spawn(|| flow::forward(&at, &out, &over));
        let passed = flow::through(&from, &[7; PAYLOAD], &to, span);
        over.store(true, Ordering::Relaxed);
        let forwarded = forwarding
            .join()
            .map_err(|_| std::io::Error::other("a thread"))?;
        forwarded?;
        passed
    })
}

/// Through the relay, on a channel, from a client to a peer.
async fn relayed(relay: &Relay, span: Duration) -> Result<Passed, Failure> {
    let mut client = client(relay).await?;
    client.allocate(None, None).await.map_err(|e| refused(&e))?;
    let peer = local()?;
    client
        .bind(CHANNEL, peer.local_addr()?)
        .await
        .map_err(|e| refused(&e))?;
    let Link::Udp(socket) = client.into_link() else {
        return Err(Failure::Server("no socket".to_owned()));
    };
    let socket = socket.into_std()?;
    socket.set_nonblocking(false)?;
    let length = u16::try_from(PAYLOAD).unwrap_or_default();
    let message = [&ChannelData::header(CHANNEL, length)[..], &[7; PAYLOAD]].concat();
    blocking(move || flow::through(&socket, &message, &peer, span)).await
}

/// A client with an allocation, from a port whose last owner has left none behind (RFC 8656, section 7.4).
async fn allocated(relay: &Relay) -> Result<Client, Failure> {
    for _ in 0..PORTS {
        let mut client = client(relay).await?;
        match client.allocate(None, None).await {
            Err(error) if error.code() == Some(code::ALLOCATION_MISMATCH) => {}
            asked => return asked.map(|_| client).map_err(|error| refused(&error)),
        }
    }
    Err(Failure::Server(
        "the relay has an allocation of every port that was tried".to_owned(),
    ))
}

/// Memory before, with so many allocations that have each carried a datagram, and after they were given back.
async fn hold(server: &Server, relay: &Relay, count: usize) -> Result<(u64, u64, u64), Failure> {
    let before = settled(server).await;
    let peer = local()?.local_addr()?;
    let mut clients: Vec<Client> = stream::iter(0..count)
        .map(|_| async move {
            let mut client = allocated(relay).await?;
            let asked = async {
                client.bind(CHANNEL, peer).await?;
                client.send_on(CHANNEL, &[7; PAYLOAD]).await
            };
            asked.await.map_err(|e| refused(&e))?;
            Ok::<_, Failure>(client)
        })
        .buffer_unordered(ASKING)
        .try_collect()
        .await?;
    let held = settled(server).await;
    for client in &mut clients {
        client.refresh(0).await.map_err(|e| refused(&e))?;
    }
    Ok((before, held, settled(server).await))
}

/// Resident memory in KiB, once it has stopped changing: three looks alike.
async fn settled(server: &Server) -> u64 {
    let (mut last, mut alike) = (server.resident_kib(), 0);
    for _ in 0..LOOKS {
        sleep(LOOK).await;
        let now = server.resident_kib();
        alike = if now.abs_diff(last) < STILL {
            alike + 1
        } else {
            0
        };
        last = now;
        if alike == 3 {
            break;
        }
    }
    last
}
