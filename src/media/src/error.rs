//! What can go wrong on the way.

use std::path::PathBuf;

/// Why a call has no sound, or a file none.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The connection. Its text may name addresses: it is for the person in the call, not for a log.
    #[error("the connection to the other device: {0}")]
    Connection(#[from] webrtc::error::Error),
    /// A candidate that is none.
    #[error("a way to the other device cannot be read")]
    Candidate,
    /// The socket that leads to a relay.
    #[error("no socket for the way to a relay: {0}")]
    Socket(#[from] std::io::Error),
    /// The two devices have no way of coding sound in common.
    #[error("the other device does not take Opus sound")]
    NoCodec,
    /// The codec.
    #[error("the sound cannot be coded: {0}")]
    Codec(String),
    /// A sound file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: hound::Error,
    },
    /// A sound file of another form.
    #[error(
        "{path}: {found}; a WAV file of 8, 12, 16, 24 or 48 kHz with one or two channels is needed"
    )]
    Form {
        /// Which.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random,
}
