//! Everything in one command: a server of our own, prepared once, a fresh copy of it for each scenario.

mod chats;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::time::sleep;

use crate::args::{CallsArgs, LabArgs, PlanArgs, Scenario};
use crate::fail::Failure;
use crate::report::{
    CallsReport, FanoutReport, IdleReport, ListsReport, LoginReport, ReconnectReport, RunReport,
    StartReport, StoredReport,
};
use crate::snapshot::Snapshot;
use crate::start::{self, Server};
use crate::{calls, files, idle, logins, prepare, run};

/// Without those that take too long for every time.
const ALL: [Scenario; 13] = [
    Scenario::Start,
    Scenario::Rate200,
    Scenario::Rate1000,
    Scenario::Rate10000,
    Scenario::Flat,
    Scenario::Idle,
    Scenario::Login,
    Scenario::Storm,
    Scenario::Calls,
    Scenario::Group,
    Scenario::Channel,
    Scenario::Reconnect,
    Scenario::Lists,
];

/// Starts that are measured on existing data.
const STARTS: usize = 5;
/// Idle connections are held past the first heartbeat.
const HOLD: Duration = Duration::from_secs(30);
/// Logins at a time.
const LOGINS: usize = 4;
/// Logins that are offered in a second of a storm.
const STORM: u32 = 200;
/// Calls begun a second.
const CALLS: f64 = 500.0;
/// Between a start and a measurement.
const SETTLE: Duration = Duration::from_secs(1);

/// Figures of one scenario.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Figures {
    Start(StartReport),
    Run(Box<RunReport>),
    Idle(IdleReport),
    Login(LoginReport),
    Calls(Box<CallsReport>),
    Fanout(Box<FanoutReport>),
    Reconnect(ReconnectReport),
    Lists(ListsReport),
    Stored(StoredReport),
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub scenario: String,
    pub figures: Figures,
}

/// All of them.
#[derive(Debug, Serialize)]
pub(crate) struct LabReport {
    pub measured: Vec<Measured>,
}

impl LabReport {
    /// Whether nothing was lost.
    pub(crate) fn sound(&self) -> bool {
        self.measured.iter().all(|m| match &m.figures {
            Figures::Start(_) => true,
            Figures::Run(run) => run.faults.none(),
            Figures::Idle(idle) => idle.lost == 0,
            Figures::Login(login) => login.failed == 0,
            Figures::Calls(calls) => calls.sound(),
            Figures::Fanout(fanout) => fanout.sound(),
            Figures::Reconnect(reconnect) => reconnect.sound(),
            Figures::Lists(lists) => lists.sound(),
            Figures::Stored(stored) => stored.sound(),
        })
    }
}

impl Figures {
    fn text(&self) -> String {
        match self {
            Self::Start(figures) => figures.text(),
            Self::Run(figures) => figures.text(),
            Self::Idle(figures) => figures.text(),
            Self::Login(figures) => figures.text(),
            Self::Calls(figures) => figures.text(),
            Self::Fanout(figures) => figures.text(),
            Self::Reconnect(figures) => figures.text(),
            Self::Lists(figures) => figures.text(),
            Self::Stored(figures) => figures.text(),
        }
    }
}

/// Prepares if need be, and measures.
pub(crate) async fn run(args: &LabArgs, quiet: bool) -> Result<LabReport, Failure> {
    let lab = Lab::new(args);
    if args.fresh {
        lab.forget()?;
    }
    if args.serve {
        lab.serve().await?;
        return Ok(LabReport {
            measured: Vec::new(),
        });
    }
    let scenarios = if args.only.is_empty() {
        &ALL[..]
    } else {
        &args.only
    };
    let mut measured = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let name = name(*scenario);
        if !quiet {
            println!("== {name}");
        }
        let figures = lab.measure(*scenario).await?;
        if !quiet {
            println!("{}", figures.text());
        }
        measured.push(Measured {
            scenario: name,
            figures,
        });
    }
    Ok(LabReport { measured })
}

/// A scenario's name on the command line.
fn name(scenario: Scenario) -> String {
    format!("{scenario:?}").to_lowercase()
}

struct Lab<'a> {
    args: &'a LabArgs,
    running: PathBuf,
}

impl<'a> Lab<'a> {
    fn new(args: &'a LabArgs) -> Self {
        Self {
            args,
            running: args.dir.join("running"),
        }
    }

    /// Removes everything that was prepared.
    fn forget(&self) -> Result<(), Failure> {
        let mut names = vec!["prepared".to_owned(), "running".to_owned()];
        names.extend(ALL.into_iter().map(name));
        names.extend(
            self.args
                .stored
                .iter()
                .map(|stored| chats::stored_name(*stored)),
        );
        names
            .iter()
            .try_for_each(|name| files::remove_dir(&self.args.dir.join(name)))
    }

    /// A server with pairs of contacts, which were made over the API, once.
    async fn prepared_server(&self) -> Result<(Server, Snapshot), Failure> {
        let prepared = self.args.dir.join("prepared");
        let reusable =
            Snapshot::is_in(&prepared) && Snapshot::load(&prepared)?.pairs.len() >= self.args.pairs;
        if !reusable {
            prepare_in(self.args, &prepared).await?;
        }
        self.server_on(&prepared, &Snapshot::load(&prepared)?).await
    }

    /// A server on a fresh copy of prepared data, and the snapshot that fits it.
    async fn server_on(
        &self,
        prepared: &Path,
        snapshot: &Snapshot,
    ) -> Result<(Server, Snapshot), Failure> {
        files::remove_dir(&self.running)?;
        files::copy_dir(prepared, &self.running)?;
        let server = Server::start(&self.args.bin, &self.running, &self.args.env).await?;
        let snapshot = Snapshot {
            target: server.target.clone(),
            ..snapshot.clone()
        };
        sleep(SETTLE).await;
        Ok((server, snapshot))
    }

    async fn serve(&self) -> Result<(), Failure> {
        let (server, snapshot) = match self.args.only.first() {
            Some(scenario) if chats::is_filled(*scenario) => self.server_for(*scenario).await?,
            _ => self.prepared_server().await?,
        };
        snapshot.save(&self.running)?;
        println!(
            "pid {}, {}, snapshot in {}",
            server.pid,
            server.target.https,
            self.running.display()
        );
        println!("Ctrl-C stops it");
        tokio::signal::ctrl_c().await?;
        server.stop().await.map(drop)
    }

    async fn measure(&self, scenario: Scenario) -> Result<Figures, Failure> {
        let args = self.args;
        if scenario == Scenario::Start {
            let report = start::measure(&args.bin, STARTS, &args.env).await?;
            return Ok(Figures::Start(report));
        }
        if chats::is_filled(scenario) {
            return self.measure_chats(scenario).await;
        }
        let (server, snapshot) = self.prepared_server().await?;
        let pid = Some(server.pid);
        let figures = match scenario {
            Scenario::Idle => {
                Figures::Idle(idle::idle(&snapshot, args.connections, HOLD, server.pid).await?)
            }
            Scenario::Calls => {
                let calls = CallsArgs {
                    dir: self.running.clone(),
                    rate: CALLS,
                    seconds: args.seconds,
                    warmup: 3,
                    size: 2500,
                    pairs: Some(args.pairs),
                    no_baseline: false,
                    pid,
                };
                Figures::Calls(Box::new(calls::measure(&snapshot, &calls).await?))
            }
            Scenario::Login => {
                let span = Duration::from_secs(args.seconds);
                Figures::Login(logins::measure(&snapshot, LOGINS, span, pid).await?)
            }
            _ => {
                let plan = self.plan(scenario);
                Figures::Run(Box::new(run::run(&snapshot, &plan, pid).await?))
            }
        };
        server.stop().await?;
        Ok(figures)
    }

    fn plan(&self, scenario: Scenario) -> PlanArgs {
        let rate = match scenario {
            Scenario::Rate200 | Scenario::Storm => Some(200.0),
            Scenario::Rate1000 => Some(1000.0),
            Scenario::Rate10000 => Some(10_000.0),
            _ => None,
        };
        PlanArgs {
            rate,
            flat_out: rate.is_none(),
            outstanding: self.args.outstanding,
            seconds: self.args.seconds,
            warmup: 3,
            size: 256,
            pairs: Some(self.args.pairs),
            both_ways: false,
            ack_within_ms: 200,
            logins: if scenario == Scenario::Storm {
                STORM
            } else {
                0
            },
        }
    }
}

async fn prepare_in(args: &LabArgs, dir: &Path) -> Result<(), Failure> {
    files::remove_dir(dir)?;
    let server = Server::start(&args.bin, dir, &args.env).await?;
    let made = prepare::prepare(&server.target, args.pairs * 2, args.pairs).await?;
    server.stop().await?;
    // Last, as its presence says that the directory is whole.
    made.save(dir)
}
