//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures a Melo server.
#[derive(Debug, Parser)]
#[command(
    name = "melo-load",
    version,
    about = "Measures a Melo server over TLS WebSockets",
    after_help = "`melo-load lab --bin target/release/melo --dir target/lab` starts a server of its own and measures \
        everything.\nThe other commands measure a server that runs already; its limits must be raised for that \
        (RATE_LIMIT_CALLS, WS_RATE_LIMIT_MESSAGES, WS_MAX_CONNECTIONS_PER_IP)."
)]
pub(crate) struct Cli {
    /// Print the figures as JSON
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register users, make contacts of each pair, and keep what is needed to sign in again
    Prepare(PrepareArgs),
    /// Send messages and measure; fails when one is lost, repeated or out of order
    Run(RunArgs),
    /// Hold idle connections and measure the server's memory
    Idle(IdleArgs),
    /// Sign in with passwords, as fast as the server allows
    Login(LoginArgs),
    /// Begin calls between pairs, and beside them as many direct messages
    Calls(CallsArgs),
    /// Write to a group whose members are all connected, and beside it as many direct messages
    Group(GroupArgs),
    /// The same with a channel: fewer messages, more members
    Channel(GroupArgs),
    /// Let devices come back all at once and read what they have missed
    Reconnect(ReconnectArgs),
    /// Ask for the list of chats, and for what is new, of people with few and with many chats
    Lists(ListsArgs),
    /// Start a server on an empty directory and again on the same, and measure how long it takes
    Start(StartArgs),
    /// Start a server and measure its relay for calls, beside a bare forwarder of datagrams
    Turn(TurnArgs),
    /// Start a server, prepare it once, and measure everything
    Lab(LabArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// HTTPS address
    #[arg(long, default_value = "https://localhost:8088")]
    pub server: String,
    /// WebSocket address [default: port 8089 beside 8088, else /ws on the HTTPS port]
    #[arg(long)]
    pub ws: Option<String>,
    /// Certificate to trust (PEM); the server's own is keys/tls.crt
    #[arg(long)]
    pub ca: PathBuf,
    /// Pairs that write to each other
    #[arg(long, default_value_t = 50)]
    pub pairs: usize,
    /// Users in all [default: two for each pair]
    #[arg(long)]
    pub users: Option<usize>,
    /// Directory for the snapshot
    #[arg(long)]
    pub out: PathBuf,
}

/// How messages are offered.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlanArgs {
    /// Messages a second, all senders together, on a schedule that waits for nobody
    #[arg(
        long,
        conflicts_with = "flat_out",
        required_unless_present = "flat_out"
    )]
    pub rate: Option<f64>,
    /// As fast as answers come
    #[arg(long)]
    pub flat_out: bool,
    /// Unanswered messages of each sender, flat out
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub outstanding: u32,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Seconds before that
    #[arg(long, default_value_t = 2)]
    pub warmup: u64,
    /// Bytes of each message's payload
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(32..=1_000_000))]
    pub size: u32,
    /// Pairs that take part [default: all]
    #[arg(long)]
    pub pairs: Option<usize>,
    /// Both sides of each pair send
    #[arg(long)]
    pub both_ways: bool,
    /// The longest that a receiver waits before it acknowledges, in milliseconds
    #[arg(long, default_value_t = 200)]
    pub ack_within_ms: u64,
    /// Password logins that are offered beside, each second
    #[arg(long, default_value_t = 0)]
    pub logins: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Directory of the snapshot
    #[arg(long)]
    pub dir: PathBuf,
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Process id of the server, for its processor time and memory
    #[arg(long)]
    pub pid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct CallsArgs {
    /// Directory of the snapshot
    #[arg(long)]
    pub dir: PathBuf,
    /// Calls begun a second, all pairs together, on a schedule that waits for nobody
    #[arg(long, default_value_t = 500.0)]
    pub rate: f64,
    /// Seconds that are measured
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Seconds before that
    #[arg(long, default_value_t = 3)]
    pub warmup: u64,
    /// Bytes of each session description
    #[arg(long, default_value_t = 2500, value_parser = clap::value_parser!(u32).range(32..=60_000))]
    pub size: u32,
    /// Pairs that take part [default: all]
    #[arg(long)]
    pub pairs: Option<usize>,
    /// Without the direct messages to compare with
    #[arg(long)]
    pub no_baseline: bool,
    /// Process id of the server, for its processor time
    #[arg(long)]
    pub pid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    /// Directory of a snapshot with chats (`lab --serve --only group`, or `channel`)
    #[arg(long)]
    pub dir: PathBuf,
    /// Messages a second [default: 5 to a group, 0.5 to a channel]
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds that are measured
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Bytes of each message's payload
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(32..=1_000_000))]
    pub size: u32,
    /// The longest that a member waits before it acknowledges, in milliseconds
    #[arg(long, default_value_t = 1000)]
    pub ack_within_ms: u64,
    /// Without the direct messages to compare with
    #[arg(long)]
    pub no_baseline: bool,
    /// Process id of the server, for its processor time and memory
    #[arg(long)]
    pub pid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ReconnectArgs {
    /// Directory of a snapshot with chats (`lab --serve --only reconnect`)
    #[arg(long)]
    pub dir: PathBuf,
    /// How many devices; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_value = "200,2000")]
    pub devices: Vec<usize>,
    /// Events that each has missed
    #[arg(long, default_value_t = 50)]
    pub missed: u64,
    /// Process id of the server, for its processor time and reading
    #[arg(long)]
    pub pid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ListsArgs {
    /// Directory of a snapshot with chats (`lab --serve --only lists`)
    #[arg(long)]
    pub dir: PathBuf,
    /// How often each is asked for
    #[arg(long, default_value_t = 200)]
    pub calls: u32,
    /// What is asked for, with GET
    #[arg(long, value_delimiter = ' ', default_value = LISTS)]
    pub path: Vec<String>,
    /// Process id of the server, for its processor time
    #[arg(long)]
    pub pid: Option<u32>,
}

/// What shows somebody's chats, and what is new in them.
pub(crate) const LISTS: &str = "/chats/list?page=1&per_page=50 /sync";

#[derive(Debug, Args)]
pub(crate) struct IdleArgs {
    /// Directory of the snapshot
    #[arg(long)]
    pub dir: PathBuf,
    /// How many
    #[arg(long, default_value_t = 2000)]
    pub connections: usize,
    /// Seconds to hold them; the server's heartbeat comes every 25
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Process id of the server
    #[arg(long)]
    pub pid: u32,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Directory of the snapshot
    #[arg(long)]
    pub dir: PathBuf,
    /// Logins at a time
    #[arg(long, default_value_t = 4)]
    pub parallel: usize,
    /// Seconds
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Process id of the server, for its processor time
    #[arg(long)]
    pub pid: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The server's program
    #[arg(long)]
    pub bin: PathBuf,
    /// Starts on existing data that are measured
    #[arg(long, default_value_t = 5)]
    pub times: usize,
    /// Further settings for the server
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TurnArgs {
    /// The server's program
    #[arg(long)]
    pub bin: PathBuf,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// How often forwarder and relay are measured, in turn
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Allocations at once, for the memory of each
    #[arg(long, default_value_t = 2000)]
    pub allocations: usize,
    /// Further settings for the server
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
}

/// A part of `lab`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Start time and memory at rest
    Start,
    /// 200 messages a second
    Rate200,
    /// 1,000 messages a second
    Rate1000,
    /// 10,000 messages a second
    Rate10000,
    /// Flat out
    Flat,
    /// Idle connections
    Idle,
    /// Password logins
    Login,
    /// 200 messages a second while 200 logins a second are offered
    Storm,
    /// 500 calls begun a second
    Calls,
    /// Messages to a large group
    Group,
    /// Messages to a channel
    Channel,
    /// Devices that come back all at once
    Reconnect,
    /// Lists of chats
    Lists,
    /// Messages beside a thousand stored chats, and beside a million; only when asked for
    Stored,
}

#[derive(Debug, Args)]
pub(crate) struct LabArgs {
    /// The server's program, a release build
    #[arg(long)]
    pub bin: PathBuf,
    /// Directory for the prepared server and the running one; kept for the next time
    #[arg(long)]
    pub dir: PathBuf,
    /// Pairs
    #[arg(long, default_value_t = 50)]
    pub pairs: usize,
    /// Seconds that each message scenario measures
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Unanswered messages of each sender, flat out
    #[arg(long, default_value_t = 16)]
    pub outstanding: u32,
    /// Idle connections
    #[arg(long, default_value_t = 2000)]
    pub connections: usize,
    /// Members of the group
    #[arg(long, default_value_t = 1000)]
    pub members: usize,
    /// Members of the channel
    #[arg(long, default_value_t = 10_000)]
    pub channel_members: usize,
    /// Messages a second to the group
    #[arg(long, default_value_t = 5.0)]
    pub group_rate: f64,
    /// Messages a second to the channel
    #[arg(long, default_value_t = 0.5)]
    pub channel_rate: f64,
    /// Devices that come back at once; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_value = "200,2000")]
    pub devices: Vec<usize>,
    /// Stored chats, the few and the many
    #[arg(long, value_delimiter = ',', default_value = "1000,1000000")]
    pub stored: Vec<u64>,
    /// The program that fills databases [default: examples/melo-fill beside the server's program]
    #[arg(long)]
    pub fill: Option<PathBuf>,
    /// Only these, in this order [default: all but `stored`]
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Scenario>,
    /// Further settings for the server
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Prepare anew
    #[arg(long)]
    pub fresh: bool,
    /// Only start the prepared server (the first of `--only`), say where it is, and run it until Ctrl-C
    #[arg(long)]
    pub serve: bool,
}
