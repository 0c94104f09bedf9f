//! Errors of the admin area.

use melo_protocol::{ErrorCode, FieldError};
use melo_services::admin::AdminError;

use super::ApiError;

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let code = match &error {
            AdminError::RoleRequired(_)
            | AdminError::TargetRank
            | AdminError::TargetBanned
            | AdminError::NotBanned => ErrorCode::Forbidden,
            AdminError::ScopeRequired(_) => ErrorCode::InsufficientScope,
            AdminError::ReauthenticationRequired => ErrorCode::ReauthenticationRequired,
            AdminError::EnrolmentRequired => ErrorCode::EnrolmentRequired,
            AdminError::UserNotFound => ErrorCode::UserNotFound,
            AdminError::NotFound(_) | AdminError::NoToken => ErrorCode::NotFound,
            AdminError::NoSecondFactor => ErrorCode::NotEnabled,
            AdminError::LastOwner => ErrorCode::LastOwner,
            AdminError::PhoneTaken => ErrorCode::PhoneTaken,
            AdminError::UnfitPassword(why) => {
                return Self::invalid(vec![FieldError::invalid("password", why)]);
            }
            AdminError::Busy => return Self::retry(ErrorCode::Overloaded, error.to_string(), 5),
            AdminError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}
