//! Errors of limits and bans.

use melo_protocol::ErrorCode;
use melo_services::LimitError;
use melo_services::bans::BanError;

use super::ApiError;

impl From<LimitError> for ApiError {
    fn from(error: LimitError) -> Self {
        match &error {
            LimitError::Exceeded(seconds) => {
                Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds)
            }
            LimitError::Fault(fault) => Self::internal(fault),
        }
    }
}

impl From<BanError> for ApiError {
    fn from(error: BanError) -> Self {
        match error {
            BanError::Admin(error) => error.into(),
            BanError::SelfTarget => Self::new(ErrorCode::SelfTarget, error.to_string()),
            BanError::NotFound => Self::new(ErrorCode::NotFound, error.to_string()),
            BanError::Fault(fault) => Self::internal(&fault),
        }
    }
}
