//! `melo audit`: the audit log, at the machine itself.

use std::fmt;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::str::FromStr;

use clap::{Args, Subcommand};
use melo_domain::Uid;
use melo_services::Origin;
use melo_services::admin::{self, AdminError};
use melo_services::audit::{self, Head, Verdict};
use melo_storage::StorageError;
use melo_storage::audit::AuditFilter;

use crate::offline::{Offline, OfflineError};
use crate::settings::Settings;

/// Progress of a walk is told each so many entries.
const PROGRESS: i64 = 10_000;

/// Arguments of `melo audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: AuditCommand,
}

/// What `melo audit` does.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every entry, from the first to the last
    ///
    /// Prints the head of the chain, ID:LINK. Note it down away from this machine: with --expect, a later check
    /// also tells whether somebody who has the keys has cut the log or written it anew. Exit code 1 and the
    /// first bad entry when the log is not whole.
    Verify {
        /// A head that was printed earlier, and must be part of the chain still
        #[arg(long, value_name = "ID:LINK")]
        expect: Option<NotedHead>,
    },
    /// Print entries, newest first
    List {
        /// Entries by this person
        #[arg(long, value_name = "UID")]
        actor: Option<Uid>,
        /// Entries of this action, like admin.lock
        #[arg(long)]
        action: Option<audit::Action>,
        /// Entries about this, like user:10000001
        #[arg(long)]
        object: Option<String>,
        /// Entries before this one
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        /// So many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
}

/// `ID:LINK`, the link in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedHead(Head);

impl FromStr for NotedHead {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be ID:LINK, as melo audit verify prints it";
        let (id, link) = s.split_once(':').ok_or(FORM)?;
        let last_id = id.parse().ok().filter(|id| *id > 0).ok_or(FORM)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(link, &mut bytes).map_err(|_| FORM)?;
        Ok(Self(Head {
            last_id,
            link: bytes,
        }))
    }
}

impl fmt::Display for NotedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.last_id, hex::encode(self.0.link))
    }
}

/// Why the log could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The database.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// Reading.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Reading.
    #[error(transparent)]
    Read(#[from] AdminError),
}

/// Does it and says what was found. `false`: the log is not whole.
pub async fn run(settings: &Settings, args: AuditArgs) -> Result<bool, CommandError> {
    let offline = Offline::open(settings).await?;
    let found = match args.action {
        AuditCommand::Verify { expect } => verify(&offline, expect).await,
        AuditCommand::List {
            actor,
            action,
            object,
            before,
            limit,
        } => {
            let filter = AuditFilter {
                actor,
                action: action.map(|action| action.as_str().to_owned()),
                object,
            };
            list(&offline, &filter, before, limit).await
        }
    };
    offline.close().await?;
    found
}

async fn verify(offline: &Offline, expect: Option<NotedHead>) -> Result<bool, CommandError> {
    let noted = expect.map(|NotedHead(head)| head);
    let mut told = 0;
    let progress = |entries| {
        if entries - told >= PROGRESS && stderr().is_terminal() {
            told = entries;
            eprint!("\r{entries} entries");
        }
    };
    match audit::verify(&offline.core, noted, progress).await? {
        Verdict::Whole(head) => {
            eprintln!("The audit log is whole: {} entries.", head.last_id);
            println!("{}", NotedHead(head));
            Ok(true)
        }
        Verdict::Broken(id) => {
            eprintln!(
                "The audit log is NOT whole: entry {id} is missing, changed or out of place."
            );
            Ok(false)
        }
        Verdict::NotAsNoted(id) => {
            eprintln!(
                "The audit log is NOT the one that was noted down: it differs at entry {id} or before, or ends there."
            );
            Ok(false)
        }
    }
}

async fn list(
    offline: &Offline,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: u64,
) -> Result<bool, CommandError> {
    let origin = Origin::server("melo audit");
    let entries = admin::read_log(&offline.core, &origin, filter, before, limit).await?;
    let mut out = stdout().lock();
    for entry in entries {
        let actor = entry.actor.map_or("-".to_owned(), |uid| uid.to_string());
        // Whoever reads may have read enough.
        let written = writeln!(
            out,
            "{}  {}  {actor}  {}  {}  {}  {}",
            entry.id, entry.at, entry.action, entry.object, entry.ip_address, entry.details
        );
        if written.is_err() {
            break;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_round_trips_and_other_texts_are_refused() {
        let text = format!("12:{}", "0a".repeat(32));
        let head: NotedHead = text.parse().unwrap();
        assert_eq!(head.to_string(), text);
        for bad in [
            "",
            "12",
            "12:",
            "0:00",
            "-1:00",
            "x:y",
            &format!("12:{}", "0a".repeat(31)),
        ] {
            assert!(bad.parse::<NotedHead>().is_err(), "{bad}");
        }
    }
}
