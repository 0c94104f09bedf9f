//! Pictures of people.

mod fetch;
mod picture;
mod remove;
mod upload;

pub use fetch::fetch;
pub(crate) use picture::Picture;
pub use remove::remove;
pub(crate) use upload::Workshop;
pub use upload::upload;

use melo_storage::StorageError;

use crate::fault::faults;
use crate::{Fault, LimitError};

/// Largest file that is taken, in bytes (contract: 2 MiB).
pub const MAX_UPLOAD: usize = 2 << 20;

/// Why a call about a picture was refused.
#[derive(Debug, thiserror::Error)]
pub enum AvatarError {
    /// Not one of the formats.
    #[error("send a JPEG, PNG or WebP picture")]
    Unsupported,
    /// One of the formats, and yet no good.
    #[error("this picture cannot be used: {0}")]
    Invalid(&'static str),
    /// Over 2 MiB.
    #[error("the picture must be at most 2 MiB")]
    TooLarge,
    /// There is none, or not for the caller.
    #[error("this person shows no picture")]
    None,
    /// Too many uploads.
    #[error("too many pictures; try again in {0} seconds")]
    Limited(u64),
    /// Too many pictures are being worked on.
    #[error("the server is busy with other pictures; try again in a few seconds")]
    Busy,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(AvatarError: StorageError);

impl From<LimitError> for AvatarError {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(seconds) => Self::Limited(seconds),
            LimitError::Fault(fault) => Self::Fault(fault),
        }
    }
}
