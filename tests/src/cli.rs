//! `melo-cli` as people and programs run it, with a home of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::server::built;
use crate::terminal::Terminal;
use crate::{PATIENCE, Server};

/// The passphrase of every profile.
pub const PASSPHRASE: &str = "copper kettle by the window";

/// Somebody's computer: the profiles on it know one server.
#[derive(Debug)]
pub struct Cli {
    home: TempDir,
    settings: Vec<(&'static str, OsString)>,
    namespace: Option<String>,
}

/// A command that runs, and says in JSON what happens. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// The next event of this name; others are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        self.event_within(name, PATIENCE).await
    }

    /// The same, where it takes its time.
    pub async fn event_within(&mut self, name: &str, patience: Duration) -> Value {
        let mut seen = Vec::new();
        let waiting = async {
            while let Some(line) = self.lines.next_line().await.expect("a pipe") {
                let event: Value = serde_json::from_str(&line).expect("JSON");
                if event["event"] == name {
                    return Some(event);
                }
                seen.push(line);
            }
            None
        };
        let waited = tokio::time::timeout(patience, waiting).await;
        match waited.ok().flatten() {
            Some(event) => event,
            None => panic!("it does not say {name}, or ended before: {seen:?}"),
        }
    }

    /// SIGINT, as Ctrl-C gives it.
    pub fn interrupt(&self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = id.and_then(Pid::from_raw).expect("a running command");
        kill_process(pid, Signal::INT).expect("a signal");
    }

    /// Its exit code, when it has ended.
    pub async fn ended(mut self) -> Option<i32> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("a process").code()
    }
}

/// What a command that has ended leaves behind.
#[derive(Debug)]
pub struct Ended {
    /// Exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Cli {
    /// A computer without profiles.
    pub fn new(server: &Server) -> Self {
        let site = server.site();
        let address = |scheme: &str, port: u16| format!("{scheme}://localhost:{port}");
        let (https, wss) = (
            address("https", site.http_port),
            address("wss", site.ws_port),
        );
        Self::at(&https, &wss, &server.keys_dir().join("tls.crt"))
    }

    /// A computer without profiles, for a server that is reached there.
    pub fn at(https: &str, wss: &str, ca: &Path) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let settings = vec![
            ("MELO_SERVER", https.into()),
            ("MELO_WS", wss.into()),
            ("MELO_CA", ca.into()),
            ("MELO_HOME", home.path().into()),
            ("LANG", "C".into()),
        ];
        Self {
            home,
            settings,
            namespace: None,
        }
    }

    /// In a network of its own.
    #[must_use]
    pub fn inside(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// With another environment variable, or another value of one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    fn command(&self, program: &str) -> Command {
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, program]);
                command
            }
        };
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(self.home.path())
            .kill_on_drop(true);
        command
    }

    /// Runs a command without a terminal, to its end.
    pub async fn run(&self, args: &[&str]) -> Ended {
        let program = built("melo-cli", "MELO_CLI_BIN");
        let running = self
            .command(&program.to_string_lossy())
            .args(args)
            .env("MELO_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null())
            .output();
        let ended = tokio::time::timeout(PATIENCE, running).await;
        let ended = ended.expect("it ends").expect("a process");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            code: ended.status.code(),
            out: text(&ended.stdout),
            err: text(&ended.stderr),
        }
    }

    /// Starts a command that says in JSON what happens.
    pub fn start(&self, args: &[&str]) -> Running {
        let program = built("melo-cli", "MELO_CLI_BIN");
        let mut child = self
            .command(&program.to_string_lossy())
            .arg("--json")
            .args(args)
            .env("MELO_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a process");
        let out = child.stdout.take().expect("a pipe");
        Running {
            child,
            lines: BufReader::new(out).lines(),
        }
    }

    /// A file in this home.
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a command on a terminal, where somebody sits and types.
    pub fn on_terminal(&self, args: &[&str]) -> Terminal {
        let program = built("melo-cli", "MELO_CLI_BIN");
        // Secrets are asked for on the controlling terminal, which only a new session can take.
        let mut command = self.command("setsid");
        command.arg("--ctty").arg(program).args(args);
        Terminal::run(command)
    }
}

impl Ended {
    /// The standard output of a command that must have done what it was asked, read as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The standard error of a command that must have ended with this code.
    #[track_caller]
    pub fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        &self.err
    }
}
