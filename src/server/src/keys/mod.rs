//! Key material: made on first start, loaded at every start.

pub mod files;
mod load;
mod locations;
mod make;
mod retired;
mod rotate_jwt;
pub mod status;
mod vapid;
mod watch;

use std::fmt;
use std::io;
use std::path::PathBuf;

use melo_crypto::{JwtKeys, RootKey};
use melo_domain::Secret;

pub use load::load;
pub use locations::{Locations, Place, is_absent};
pub use make::make_missing;
pub use rotate_jwt::rotate_jwt;
pub use vapid::Vapid;
pub use watch::JwtWatch;

use crate::tls::{Identity, TlsError};
use files::FileProblem;

/// All key material of a running server, checked.
pub struct Keys {
    /// Wraps the data keys of the database.
    pub root: RootKey,
    /// 32 characters or more.
    pub app_secret: Secret,
    /// Signs and verifies access tokens.
    pub jwt: JwtKeys,
    /// Web push.
    pub vapid: Vapid,
    /// Makes passwords for relays.
    pub turn_secret: Secret,
    /// Certificate and TLS configuration.
    pub tls: Identity,
}

/// One key that cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// Its file.
    #[error("{what}: {problem}")]
    File {
        /// Which key.
        what: &'static str,
        /// What is wrong with its file.
        problem: FileProblem,
    },
    /// Its content.
    #[error("{what} in {place}: {problem}")]
    Malformed {
        /// Which key.
        what: &'static str,
        /// File or setting.
        place: String,
        /// What is wrong; never the content.
        problem: String,
    },
    /// The certificate or its key.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// A key without which existing data cannot be read is gone.
    #[error(
        "{what}: {} does not exist, but the database {} does, and cannot be read without it. \
         Put the file back from your backup; or, to start anew and lose the data, move the database away",
        file.display(), database.display()
    )]
    Lost {
        /// Which key.
        what: &'static str,
        /// Where it was.
        file: PathBuf,
        /// What it is needed for.
        database: PathBuf,
    },
    /// A file could not be written.
    #[error("{} cannot be made: {source}", file.display())]
    NotMade {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key could not be generated.
    #[error("{what} could not be generated: {problem}")]
    NotGenerated {
        /// Which key.
        what: &'static str,
        /// Why.
        problem: String,
    },
}

/// Keys that cannot be used: all of them, not only the first.
#[derive(Debug, thiserror::Error)]
pub struct KeysError(pub Vec<KeyProblem>);

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the keys cannot be used:")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        f.write_str("\nkeys/README.md explains each file; `melo keys status` and `melo doctor` look at them.")
    }
}

impl From<KeyProblem> for KeysError {
    fn from(problem: KeyProblem) -> Self {
        Self(vec![problem])
    }
}

#[cfg(test)]
mod tests;
