//! Why a live connection, or the attempt at one, is over, and what follows from that.

use std::time::Duration;

use melo_protocol::CloseCode;

use super::events::Ended;
use crate::error::ClientError;
use crate::socket::Closed;

/// The longest delay that a server may ask for before a reconnect.
const MAX_ASKED_DELAY: Duration = Duration::from_mins(5);

/// Why a connection, or the attempt at one, is over.
#[derive(Debug)]
pub(super) enum Over {
    /// The application closes.
    Closing,
    /// Nothing helps.
    Fatal(Ended),
    /// The token was refused.
    Unauthorized(String),
    /// Lost; the server may have said when to come back.
    Lost {
        reason: String,
        after: Option<Duration>,
    },
}

impl From<ClientError> for Over {
    fn from(error: ClientError) -> Self {
        if error.is_transient() {
            Self::Lost {
                reason: error.to_string(),
                after: None,
            }
        } else {
            Self::Fatal(Ended::Failed(error))
        }
    }
}

impl From<Closed> for Over {
    fn from(closed: Closed) -> Self {
        let Closed { code, reason } = closed;
        match code {
            Some(code)
                if code == CloseCode::PolicyViolation.code()
                    || code == CloseCode::TokenExpired.code() =>
            {
                Self::Unauthorized(reason)
            }
            Some(code) if !CloseCode::reconnect(code) => {
                Self::Fatal(Ended::Refused { code, reason })
            }
            Some(code) if code == CloseCode::GoingAway.code() => {
                let after = reason
                    .trim()
                    .parse()
                    .ok()
                    .map(|s| Duration::from_secs(s).min(MAX_ASKED_DELAY));
                Self::Lost {
                    reason: "the server is restarting".to_owned(),
                    after,
                }
            }
            _ => Self::Lost {
                reason,
                after: None,
            },
        }
    }
}
