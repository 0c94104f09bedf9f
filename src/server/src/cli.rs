//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::admin::AdminArgs;
use crate::audit::AuditArgs;

/// An end-to-end encrypted messenger server.
#[derive(Debug, Parser)]
#[command(
    name = "melo",
    version,
    about = "Melo: an end-to-end encrypted messenger server",
    long_about = "Melo: an end-to-end encrypted messenger server.\n\n\
        `melo serve` with no settings at all is a working server: it makes its keys, a self-signed \
        certificate and an SQLite database, and listens on 8088 (HTTPS) and 8089 (WebSocket).",
    after_help = "Settings come from the environment or a .env file; .env.example explains all of them.\n\
        `melo doctor` checks them and everything else a server needs.",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Settings file, beneath the environment [default: .env in the current directory, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server until SIGTERM or Ctrl-C
    ///
    /// Makes missing keys, brings the database schema up to date and serves HTTPS and WebSocket. SIGTERM
    /// stops it within 10 seconds without losing anything accepted; SIGHUP has the certificate read again.
    Serve,
    /// Bring the database schema up to date, or show what is missing
    ///
    /// `melo serve` does this by itself at each start; this is for doing it apart from a start.
    Migrate(MigrateArgs),
    /// Make an owner, give somebody a role, take a second factor away
    ///
    /// For the first owner, and for the way back when the last one is lost. Works on the database itself, whether
    /// the server runs or not; a running server goes by it from the next call on.
    Admin(AdminArgs),
    /// Check that the audit log is whole, or read it
    Audit(AuditArgs),
    /// Make missing keys, or show which there are
    ///
    /// Never shows or replaces key material. Keys are files in the keys directory, or given
    /// by settings.
    Keys(KeysArgs),
    /// Check settings, files, permissions, ports, certificate and database
    ///
    /// One line per check: ok, warn or fail, and what to do. Changes nothing. Ends with exit code 1 when a
    /// check failed.
    Doctor(DoctorArgs),
}

/// Arguments of `melo migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// What to do [default: up].
    #[command(subcommand)]
    pub action: Option<MigrateAction>,
}

/// What `melo migrate` does.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum MigrateAction {
    /// Run the pending migrations (the default)
    Up,
    /// List the pending migrations; exit code 1 when there are any
    Status,
}

/// Arguments of `melo keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: KeysAction,
}

/// What `melo keys` does.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum KeysAction {
    /// Show the keys by kid, fingerprint and public half; exit code 1 when one is missing or unusable
    Status,
    /// Make the keys that are missing; what exists stays
    Init,
    /// Give access tokens a new signing key
    ///
    /// Nobody is signed out: the old key's public half goes on verifying until the last of its tokens has
    /// expired. A running server takes the new key over within seconds.
    RotateJwt,
}

/// Arguments of `melo doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print the text of .env.example, every setting with its default, and check nothing
    #[arg(long)]
    pub print_env_example: bool,
    /// What to look at alone [default: everything but calls].
    #[command(subcommand)]
    pub topic: Option<DoctorTopic>,
}

/// What `melo doctor` looks at alone.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DoctorTopic {
    /// Relay packets through every way in, and name what stands in the way
    ///
    /// Asks the server that runs here, or starts its relay for the check. With TURN_MODE=external, asks the servers
    /// of TURN_URLS.
    Calls,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn migrate_means_up() {
        let cli = Cli::try_parse_from(["melo", "migrate"]).unwrap();
        assert!(matches!(
            cli.command,
            Command::Migrate(MigrateArgs { action: None })
        ));
    }
}
