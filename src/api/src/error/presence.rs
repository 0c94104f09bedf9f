//! Errors of presence and writing.

use melo_protocol::ErrorCode;
use melo_services::presence::PresenceError;
use melo_services::typing::TypingError;

use super::ApiError;

impl From<PresenceError> for ApiError {
    fn from(error: PresenceError) -> Self {
        match &error {
            PresenceError::Limited(seconds) => {
                Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds)
            }
            PresenceError::Fault(fault) => Self::internal(fault),
        }
    }
}

impl From<TypingError> for ApiError {
    fn from(error: TypingError) -> Self {
        match error {
            TypingError::Message(error) => error.into(),
            TypingError::Fault(fault) => Self::internal(&fault),
        }
    }
}
