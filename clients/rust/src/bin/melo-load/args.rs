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
    /// Start a server on an empty directory and again on the same, and measure how long it takes
    Start(StartArgs),
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
    /// Password logins that go on beside, so many at a time
    #[arg(long, default_value_t = 0)]
    pub logins: usize,
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
    /// 200 messages a second while logins go on
    Storm,
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
    /// Only these, in this order [default: all]
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Scenario>,
    /// Further settings for the server
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Prepare anew
    #[arg(long)]
    pub fresh: bool,
    /// Only start the prepared server, say where it is, and run it until Ctrl-C
    #[arg(long)]
    pub serve: bool,
}
