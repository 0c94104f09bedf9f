//! The scenarios with chats: what each server is filled with, and what is measured on it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::{GroupArgs, LISTS, ListsArgs, ReconnectArgs, Scenario};
use crate::fail::Failure;
use crate::fanout::{self, fan_out};
use crate::fill::{self, ChatPlan, Plan};
use crate::report::{StoredReport, StoredRun};
use crate::snapshot::Snapshot;
use crate::start::Server;
use crate::{files, lists, reconnect};

use super::{Figures, Lab};

/// Chats of the devices that come back.
const CHATS: usize = 20;
/// Somebody is in so many chats, somebody else in so many.
const FEW_CHATS: usize = 10;
const MANY_CHATS: usize = 500;
/// Members and messages of each of those.
const CHAT_OF_LIST: (usize, u32) = (5, 20);
/// Pairs for the direct messages beside a channel.
const PAIRS: usize = 50;
/// Chats of two that are written to beside the stored ones: all of them once, then some again and again.
const ACTIVE: usize = 1000;
const BUSY: usize = 50;
/// Messages a second to them.
const FIRST_RATE: f64 = 200.0;
const AGAIN_RATE: f64 = 1000.0;
/// Runs of each number of stored chats.
const RUNS: usize = 2;
/// How often each list is asked for.
const LIST_CALLS: u32 = 200;

/// Whether a scenario needs a filled server.
pub(super) fn is_filled(scenario: Scenario) -> bool {
    matches!(
        scenario,
        Scenario::Group
            | Scenario::Channel
            | Scenario::Reconnect
            | Scenario::Lists
            | Scenario::Stored
    )
}

impl Lab<'_> {
    /// What the server of a scenario is filled with.
    fn filling(&self, scenario: Scenario) -> Plan {
        let args = self.args;
        match scenario {
            Scenario::Channel => Plan {
                users: args.channel_members,
                pairs: PAIRS.min(args.channel_members / 2),
                chats: vec![ChatPlan {
                    channel: true,
                    ..ChatPlan::group(0, args.channel_members)
                }],
                inert: 0,
            },
            Scenario::Reconnect => {
                let most = args.devices.iter().copied().max().unwrap_or(0);
                // And one who writes.
                let members = most.div_ceil(CHATS) + 1;
                let chats = (0..CHATS).map(|nth| ChatPlan::group(nth * members, members));
                Plan {
                    users: members * CHATS,
                    chats: chats.collect(),
                    ..Plan::default()
                }
            }
            Scenario::Lists => {
                let (members, messages) = CHAT_OF_LIST;
                let chat = |first| ChatPlan {
                    messages,
                    ..ChatPlan::group(first, members)
                };
                let mut chats = vec![chat(0); FEW_CHATS];
                chats.extend(vec![chat(members); MANY_CHATS]);
                Plan {
                    users: members * 2,
                    chats,
                    ..Plan::default()
                }
            }
            _ => Plan {
                users: args.members,
                pairs: args.members / 2,
                chats: vec![ChatPlan::group(0, args.members)],
                inert: 0,
            },
        }
    }

    fn fill_program(&self) -> PathBuf {
        let given = self.args.fill.clone();
        given.unwrap_or_else(|| fill::beside(&self.args.bin))
    }

    /// A server on a fresh copy of what it was filled with, once, under that name.
    async fn filled_server(&self, name: &str, plan: &Plan) -> Result<(Server, Snapshot), Failure> {
        let filled = self.args.dir.join(name);
        fill::filled(&self.args.bin, &self.fill_program(), &filled, plan).await?;
        self.server_on(&filled, &Snapshot::load(&filled)?).await
    }

    /// The server of a scenario.
    pub(super) async fn server_for(
        &self,
        scenario: Scenario,
    ) -> Result<(Server, Snapshot), Failure> {
        let name = super::name(scenario);
        self.filled_server(&name, &self.filling(scenario)).await
    }

    /// Measures one of these scenarios.
    pub(super) async fn measure_chats(&self, scenario: Scenario) -> Result<Figures, Failure> {
        if scenario == Scenario::Stored {
            return Ok(Figures::Stored(self.measure_stored().await?));
        }
        let (server, snapshot) = self.server_for(scenario).await?;
        let pid = Some(server.pid);
        // The snapshot is in the hand already.
        let dir = PathBuf::new();
        let figures = match scenario {
            Scenario::Reconnect => {
                let args = ReconnectArgs {
                    dir,
                    devices: self.args.devices.clone(),
                    missed: 50,
                    pid,
                };
                Figures::Reconnect(reconnect::measure(&snapshot, &args).await?)
            }
            Scenario::Lists => {
                let args = ListsArgs {
                    dir,
                    calls: LIST_CALLS,
                    path: LISTS.split(' ').map(str::to_owned).collect(),
                    pid,
                };
                Figures::Lists(lists::measure(&snapshot, &args).await?)
            }
            _ => {
                let rate = match scenario {
                    Scenario::Channel => self.args.channel_rate,
                    _ => self.args.group_rate,
                };
                let args = GroupArgs {
                    dir,
                    rate: None,
                    seconds: self.args.seconds,
                    size: 256,
                    ack_within_ms: 1000,
                    no_baseline: false,
                    pid,
                };
                let report = fanout::measure(&snapshot, &args, rate).await?;
                Figures::Fanout(Box::new(report))
            }
        };
        server.stop().await?;
        Ok(figures)
    }

    /// The few and the many in turn, so that whatever else the machine does falls on both.
    async fn measure_stored(&self) -> Result<StoredReport, Failure> {
        let stored = &self.args.stored;
        let few = stored.iter().copied().min().unwrap_or(0);
        let many = stored.iter().copied().max().unwrap_or(0);
        let mut runs = Vec::with_capacity(RUNS * stored.len());
        for _ in 0..RUNS {
            for stored in stored {
                runs.push(self.beside(*stored).await?);
            }
        }
        Ok(StoredReport::of(runs, few, many))
    }

    async fn beside(&self, stored: u64) -> Result<StoredRun, Failure> {
        let plan = Plan {
            users: BUSY * 2,
            chats: (0..ACTIVE)
                .map(|nth| ChatPlan::group(nth % BUSY * 2, 2))
                .collect(),
            inert: stored.saturating_sub(ACTIVE as u64),
            ..Plan::default()
        };
        let name = stored_name(stored);
        let (server, snapshot) = self.filled_server(&name, &plan).await?;
        let pid = Some(server.pid);
        let once = fanout::Plan {
            chats: ACTIVE,
            rate: FIRST_RATE,
            warmup: Duration::ZERO,
            measured: Duration::from_secs_f64(ACTIVE as f64 / FIRST_RATE),
            size: 256,
            ack_within: Duration::from_millis(200),
        };
        let first = fan_out(&snapshot, &once, pid).await?;
        let again = fanout::Plan {
            chats: BUSY,
            rate: AGAIN_RATE,
            warmup: Duration::from_secs(2),
            measured: Duration::from_secs(self.args.seconds),
            ..once
        };
        let again = fan_out(&snapshot, &again, pid).await?;
        server.stop().await?;
        Ok(StoredRun {
            stored,
            database_kib: database_kib(&self.running),
            first,
            again,
        })
    }
}

/// The directory of a server with so many stored chats.
pub(super) fn stored_name(stored: u64) -> String {
    format!("{}-{stored}", super::name(Scenario::Stored))
}

fn database_kib(dir: &Path) -> u64 {
    files::size(&dir.join("data/melo.db")).unwrap_or(0) / 1024
}
