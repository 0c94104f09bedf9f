//! A server of our own: started, asked whether it is ready, stopped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use melo_client::rest::calls;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::fail::Failure;
use crate::files;
use crate::process;
use crate::report::StartReport;
use crate::snapshot::Target;

/// Between two tries to reach a starting server.
const ASK_AGAIN: Duration = Duration::from_millis(2);
/// How long a server may take to start.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long a server may take to stop; it promises ten seconds.
const STOPPED_WITHIN: Duration = Duration::from_secs(15);
/// From being ready to being at rest.
const REST: Duration = Duration::from_secs(3);

/// Starts that are tried while ports are taken.
const TRIES: u32 = 4;

/// Limits that are meant for people, out of the way of a measurement.
const LIMITS: [(&str, &str); 4] = [
    ("RATE_LIMIT_CALLS", "4294967295"),
    ("ACCOUNT_RATE_LIMIT_CALLS", "0"),
    ("WS_RATE_LIMIT_MESSAGES", "4294967295"),
    ("WS_MAX_CONNECTIONS_PER_IP", "0"),
];

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub pid: u32,
    pub target: Target,
    pub ready_ms: f64,
}

impl Server {
    /// Starts `bin` with its data and keys under `dir`, on two free ports of this machine, and waits until
    /// it answers. Somebody else may take a port just then: that is tried again.
    pub(crate) async fn start(bin: &Path, dir: &Path, env: &[String]) -> Result<Self, Failure> {
        let bin = std::path::absolute(bin).map_err(Failure::file(bin))?;
        files::make_private_dir(dir)?;
        let dir = std::path::absolute(dir).map_err(Failure::file(dir))?;
        let mut tries = 1;
        loop {
            match Self::try_start(&bin, &dir, env).await {
                Err(Failure::Server(why)) if tries < TRIES && why.contains("cannot listen") => {
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_start(bin: &Path, dir: &Path, env: &[String]) -> Result<Self, Failure> {
        let ports = free_ports()?;
        let mut command = command(bin, dir, ports, env)?;
        let begun = Instant::now();
        let mut child = command.spawn().map_err(Failure::file(bin))?;
        let pid = child.id().unwrap_or_default();
        let ready = timeout(READY_WITHIN, ready(&mut child, dir, ports)).await;
        let late = |_| Failure::Server(format!("not ready within {} s", READY_WITHIN.as_secs()));
        let target = ready.map_err(late)??;
        Ok(Self {
            child,
            pid,
            target,
            ready_ms: begun.elapsed().as_secs_f64() * 1000.0,
        })
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        process::resident_kib(self.pid).unwrap_or_default()
    }

    /// Stops it as an operator would; gives the milliseconds that took.
    pub(crate) async fn stop(mut self) -> Result<f64, Failure> {
        let begun = Instant::now();
        process::terminate(self.pid);
        let ended = timeout(STOPPED_WITHIN, self.child.wait()).await;
        let status = ended.map_err(|_| Failure::Server("does not stop".to_owned()))??;
        if !status.success() {
            return Err(Failure::Server(format!("ended with {status}")));
        }
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    }
}

/// `melo serve` in `dir`, with no settings but ours and those of `env`.
fn command(
    bin: &Path,
    dir: &Path,
    (https, wss): (u16, u16),
    env: &[String],
) -> Result<Command, Failure> {
    let path = dir.join("server.log");
    files::write_private(&path, b"")?;
    let log = std::fs::OpenOptions::new().append(true).open(&path);
    let log = log.map_err(Failure::file(path))?;
    let relays = env.iter().any(|setting| setting.starts_with("TURN_PORT="));
    let mut command = Command::new(bin);
    command
        .arg("serve")
        .current_dir(dir)
        .env_clear()
        .env("DATA_DIR", "data")
        .env("KEYS_DIR", "keys")
        .env("BIND_ADDRESS", "127.0.0.1")
        // Only what measures the relay has one: its ports are the same for all servers of a machine.
        .env("TURN_MODE", if relays { "embedded" } else { "off" })
        .env("HTTP_PORT", https.to_string())
        .env("WS_PORT", wss.to_string())
        .envs(LIMITS)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true);
    for setting in env {
        let pair = setting.split_once('=');
        let (name, value) = pair.ok_or_else(|| Failure::Setting(setting.clone()))?;
        command.env(name, value);
    }
    Ok(command)
}

/// Asks until there is an answer.
async fn ready(child: &mut Child, dir: &Path, (https, wss): (u16, u16)) -> Result<Target, Failure> {
    let certificate = dir.join("keys/tls.crt");
    loop {
        if let Some(status) = child.try_wait()? {
            let log = std::fs::read_to_string(dir.join("server.log")).unwrap_or_default();
            let last = log.lines().last().unwrap_or_default();
            return Err(Failure::Server(format!("ended with {status}: {last}")));
        }
        if let Some(target) = answering(&certificate, https, wss).await {
            return Ok(target);
        }
        sleep(ASK_AGAIN).await;
    }
}

async fn answering(certificate: &Path, https: u16, wss: u16) -> Option<Target> {
    let server = format!("https://localhost:{https}");
    let ws = format!("wss://localhost:{wss}/");
    // The certificate may be half written: then the next try reads it again.
    let target = Target::from_files(&server, Some(&ws), certificate).ok()?;
    let api = target.api().ok()?;
    api.send(&calls::server_status(), None).await.ok()?;
    Some(target)
}

/// Two ports that nobody listens on now.
fn free_ports() -> Result<(u16, u16), Failure> {
    let listeners = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    Ok((
        listeners.0.local_addr()?.port(),
        listeners.1.local_addr()?.port(),
    ))
}

/// Starts a server on an empty directory, then again on what it left there.
pub(crate) async fn measure(
    bin: &Path,
    times: usize,
    env: &[String],
) -> Result<StartReport, Failure> {
    let dir = scratch()?;
    let report = measure_in(&dir, bin, times, env).await;
    files::remove_dir(&dir)?;
    report
}

async fn measure_in(
    dir: &Path,
    bin: &Path,
    times: usize,
    env: &[String],
) -> Result<StartReport, Failure> {
    let first = Server::start(bin, dir, env).await?;
    let first_ms = first.ready_ms;
    let mut stop_ms = first.stop().await?;
    let mut again_ms = Vec::with_capacity(times);
    let mut resident_kib = 0;
    for _ in 0..times.max(1) {
        let server = Server::start(bin, dir, env).await?;
        again_ms.push(server.ready_ms);
        sleep(REST).await;
        resident_kib = server.resident_kib().max(resident_kib);
        stop_ms = server.stop().await?.max(stop_ms);
    }
    Ok(StartReport {
        first_ms,
        again_ms,
        resident_kib,
        stop_ms,
    })
}

/// A directory of our own among the temporary ones.
pub(crate) fn scratch() -> Result<PathBuf, Failure> {
    let name = format!("melo-load-{}", melo_client::crypto::random::uuid()?);
    let dir = std::env::temp_dir().join(name);
    files::make_private_dir(&dir)?;
    Ok(dir)
}
