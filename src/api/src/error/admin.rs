//! Errors of the admin area.

use melo_protocol::ErrorCode;
use melo_services::admin::AdminError;

use super::ApiError;

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let code = match &error {
            AdminError::RoleRequired(_) | AdminError::TargetRank => ErrorCode::Forbidden,
            AdminError::ScopeRequired(_) => ErrorCode::InsufficientScope,
            AdminError::ReauthenticationRequired => ErrorCode::ReauthenticationRequired,
            AdminError::EnrolmentRequired => ErrorCode::EnrolmentRequired,
            AdminError::UserNotFound => ErrorCode::UserNotFound,
            AdminError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}
