//! One `melo serve` process in a directory of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::PATIENCE;
use crate::answer::{Call, https_client};
use crate::people::Anonymous;
use crate::tls::Tls;

/// How often a log is looked at: a file does not tell of itself.
const LOOK: Duration = Duration::from_millis(50);
/// How often new ports are tried when somebody else was faster.
const PORT_ATTEMPTS: usize = 8;

/// Limits that no flow runs into unless it is about them.
const ROOMY: [(&str, &str); 5] = [
    ("RATE_LIMIT_CALLS", "100000"),
    ("ACCOUNT_RATE_LIMIT_CALLS", "1000000"),
    ("FAILED_LOGIN_LIMIT", "1000"),
    ("WS_RATE_LIMIT_MESSAGES", "1000000"),
    ("WS_MAX_CONNECTIONS_PER_IP", "10000"),
];

/// Keys that every server of this process starts with: making RSA keys takes longer than a flow. A copy for
/// each, so that they share nothing but their content.
static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a directory");
    let made = melo(dir.path()).args(["keys", "init"]).output();
    let made = made.expect("melo keys init");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    dir
});

/// Where a server can be reached, and how. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Site {
    /// HTTPS port.
    pub http_port: u16,
    /// WSS port.
    pub ws_port: u16,
    /// For WebSockets and TLS of other forms.
    pub tls: Tls,
    client: Client,
}

impl Site {
    /// A call to it.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(&self.client, self.http_port, method, path)
    }
}

/// A running server. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    // Before the directory, so that the process is gone when that is removed.
    process: Process,
    settings: Vec<(String, String)>,
    site: Arc<Site>,
    dir: TempDir,
}

impl Server {
    /// Starts a server with roomy limits.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a server with these settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        copy_keys(&dir.path().join("keys"));
        let settings: Vec<(String, String)> = ROOMY
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for _ in 0..PORT_ATTEMPTS {
            let (http_port, ws_port) = free_ports();
            if let Ok(process) = Process::start(dir.path(), &settings, http_port, ws_port).await {
                let pem = std::fs::read_to_string(dir.path().join("keys/tls.crt"));
                let pem = pem.expect("keys/tls.crt");
                let site = Site {
                    http_port,
                    ws_port,
                    tls: Tls::trusting(&pem),
                    client: https_client(&pem, |builder| builder),
                };
                return Self {
                    process,
                    settings,
                    site: Arc::new(site),
                    dir,
                };
            }
        }
        panic!(
            "no free ports, or the server does not start:\n{}",
            log_of(dir.path())
        );
    }

    /// Where it can be reached.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site)
    }

    /// Somebody it does not know.
    pub fn anonymous(&self) -> Anonymous {
        Anonymous::new(self.site())
    }

    /// A client of another kind than usual.
    pub fn client(
        &self,
        configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Client {
        let pem = std::fs::read_to_string(self.keys_dir().join("tls.crt")).expect("keys/tls.crt");
        https_client(&pem, configure)
    }

    /// Where it lives.
    pub fn directory(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        binary()
    }

    /// Runs the program on the same data, with this on its standard input.
    pub fn melo(&self, args: &[&str], input: &str) -> Output {
        let mut child = melo(self.dir.path())
            .args(args)
            .env("DATA_DIR", self.data_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut pipe = child.stdin.take().expect("a pipe");
        // Whoever does not read has had enough.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        child.wait_with_output().expect("an end")
    }

    /// Runs the program on the same data with these settings.
    pub fn melo_with(&self, args: &[&str], settings: &[(&str, &str)]) -> Output {
        melo(self.dir.path())
            .args(args)
            .env("DATA_DIR", self.data_dir())
            .envs(settings.iter().copied())
            .output()
            .expect("an end")
    }

    /// Gives somebody a role, as the operator does.
    #[track_caller]
    pub fn promote(&self, uid: &str, role: &str) {
        let done = self.melo(&["admin", "promote", uid, role], "");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
    }

    /// Its keys.
    pub fn keys_dir(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    /// Its data.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The most memory it has held so far, in bytes.
    pub fn memory_peak(&self) -> u64 {
        let pid = self.process.pid.expect("a running server");
        let status = format!("/proc/{}/status", pid.as_raw_nonzero());
        let status = std::fs::read_to_string(status).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: u64 = kib.and_then(|kib| kib.parse().ok()).expect("a number");
        kib * 1024
    }

    /// Everything it has written to its standard streams.
    pub fn log(&self) -> String {
        log_of(self.dir.path())
    }

    /// Waits until it has written this so many times, earlier runs included.
    pub async fn logs(&self, text: &str, times: usize) {
        let mut looks = tokio::time::interval(LOOK);
        let waiting = async {
            while self.log().matches(text).count() < times {
                looks.tick().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "it does not say: {text}\n{}", self.log());
    }

    /// SIGKILL: gone, in the middle of whatever it did.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Changes a setting for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts again on the same data and ports after its end.
    pub async fn start_again(&mut self) {
        self.process.kill();
        let (http_port, ws_port) = (self.site.http_port, self.site.ws_port);
        for _ in 0..PORT_ATTEMPTS {
            let started = Process::start(self.dir.path(), &self.settings, http_port, ws_port).await;
            if let Ok(process) = started {
                self.process = process;
                return;
            }
        }
        panic!("the server does not start again:\n{}", self.log());
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.process.pid.expect("a running server");
        kill_process(pid, signal).expect("a signal");
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.process.child.take().expect("a running server");
        let waiting = tokio::task::spawn_blocking(move || child.wait());
        let Ok(ended) = tokio::time::timeout(PATIENCE, waiting).await else {
            self.signal(Signal::KILL);
            panic!("the server does not end:\n{}", self.log());
        };
        self.process.pid = None;
        ended.expect("a task").expect("an end")
    }
}

impl Drop for Server {
    /// What a failed test has to show of it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\nThe server wrote:\n{}", self.log());
        }
    }
}

/// The process, without what it works on.
#[derive(Debug)]
struct Process {
    child: Option<Child>,
    pid: Option<Pid>,
}

impl Process {
    /// Starts it and waits for the banner. `Err` when it ends before that.
    async fn start(
        dir: &Path,
        settings: &[(String, String)],
        http_port: u16,
        ws_port: u16,
    ) -> Result<Self, ()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(dir.join("server.log"));
        let mut child = melo(dir)
            .arg("serve")
            .env("DATA_DIR", dir.join("data"))
            .env("BIND_ADDRESS", "127.0.0.1")
            // Its ports are the same for all servers of a machine: only flows that are about it have one.
            .env("TURN_MODE", "off")
            // An account that flows that count accounts know nothing of.
            .env("CALL_ECHO", "false")
            .env("HTTP_PORT", http_port.to_string())
            .env("WS_PORT", ws_port.to_string())
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("a process");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let output = child.stdout.take().expect("a pipe");
        let process = Self {
            child: Some(child),
            pid,
        };
        let (ready, is_ready) = oneshot::channel();
        std::thread::spawn({
            let dir = dir.to_owned();
            move || read_output(output, &dir, ready)
        });
        let Ok(is_ready) = tokio::time::timeout(PATIENCE, is_ready).await else {
            panic!("the server does not get ready:\n{}", log_of(dir));
        };
        is_ready.map(|()| process).map_err(|_ended| ())
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that has ended already needs no killing.
            let _ = child.kill();
            let _ = child.wait();
        }
        self.pid = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads the standard output to its end, keeps it for `log`, and tells when the banner says that the server
/// is ready. Without a banner, `ready` is dropped.
fn read_output(output: ChildStdout, dir: &Path, ready: oneshot::Sender<()>) {
    let mut ready = Some(ready);
    let mut kept = String::new();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        kept.push_str(&line);
        kept.push('\n');
        // A directory that is being removed needs no log.
        let _ = std::fs::write(dir.join("server.out"), &kept);
        if line.contains("is ready")
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(());
        }
    }
}

fn log_of(dir: &Path) -> String {
    let read = |name| {
        let bytes = std::fs::read(dir.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    read("server.out") + &read("server.log")
}

fn copy_keys(to: &Path) {
    let from = KEYS.path().join("keys");
    std::fs::create_dir(to).expect("a directory");
    let mode = std::fs::metadata(&from).expect("the keys").permissions();
    std::fs::set_permissions(to, mode).expect("permissions");
    for file in std::fs::read_dir(from).expect("the keys") {
        let file = file.expect("a key file");
        // Keeps the mode.
        std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
    }
}

/// The program with an environment of nothing but its directories.
fn melo(dir: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("LANG", "C")
        .env("KEYS_DIR", dir.join("keys"))
        .current_dir(dir)
        .stdin(Stdio::null());
    command
}

/// `MELO_BIN`, or the server that was built with these tests.
fn binary() -> PathBuf {
    built("melo", "MELO_BIN")
}

/// The program that `setting` names, or the one that was built into the target directory of these tests.
pub(crate) fn built(name: &str, setting: &str) -> PathBuf {
    if let Some(named) = std::env::var_os(setting) {
        return PathBuf::from(named);
    }
    // <target>/<profile>/deps/flows-<hash>
    let own = std::env::current_exe().expect("the test's own path");
    let built = own
        .parent()
        .and_then(Path::parent)
        .map(|profile| profile.join(name));
    let built = built.expect("a target directory");
    assert!(
        built.is_file(),
        "there is no {name} at {}: run `cargo build --workspace --bins` first, or name one in {setting}",
        built.display()
    );
    built
}

/// Two ports that were free a moment ago.
fn free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let (one, other) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    (port(&one), port(&other))
}
