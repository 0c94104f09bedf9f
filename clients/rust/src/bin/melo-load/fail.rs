//! What can end a measurement.

use std::path::PathBuf;
use std::process::ExitCode;

use melo_client::address::AddressError;
use melo_client::crypto::RandomError;
use melo_client::crypto::rsa_keys::RsaKeyError;
use melo_client::rest::ApiError;
use melo_client::tls::TlsError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The snapshot's text.
    #[error("{} is not a snapshot of this version; prepare again", .0.display())]
    Snapshot(PathBuf),
    /// Fewer pairs or users than asked for.
    #[error("the snapshot holds {have} {what}, {asked} are asked for; prepare more")]
    TooFew {
        what: &'static str,
        have: usize,
        asked: usize,
    },
    /// The connection.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// REST.
    #[error("{call}: {source}")]
    Call {
        call: &'static str,
        source: ApiError,
    },
    /// Trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Addresses.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The operating system's random numbers.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The users' key.
    #[error(transparent)]
    Key(#[from] RsaKeyError),
    /// The upgrade was answered with something else.
    #[error("no WebSocket: {0}")]
    Handshake(String),
    /// The server closed the connection.
    #[error("closed by the server: {code} {reason}")]
    Closed { code: u16, reason: String },
    /// Something that is no WebSocket frame of a server.
    #[error("the server broke the WebSocket protocol: {0}")]
    Protocol(&'static str),
    /// The server did not start, or ended.
    #[error("the server: {0}")]
    Server(String),
    /// The program that fills databases.
    #[error("melo-fill: {0}")]
    Fill(String),
    /// A setting of the command line.
    #[error("--env takes NAME=VALUE, not {0}")]
    Setting(String),
}

impl Failure {
    /// For `map_err` with the file's name.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }

    /// For `map_err` with the call's name.
    pub(crate) fn call(call: &'static str) -> impl FnOnce(ApiError) -> Self {
        move |source| Self::Call { call, source }
    }

    /// Tells the person.
    pub(crate) fn exit(&self) -> ExitCode {
        eprintln!("melo-load: {self}");
        ExitCode::from(2)
    }
}
