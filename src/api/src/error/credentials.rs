//! Errors of passwords, codes, invites and delivery reports.

use melo_protocol::{ErrorCode, FieldError};
use melo_services::credentials::CredentialError;
use melo_services::invites::InviteError;
use melo_services::outgoing::ReportError;

use super::ApiError;

/// Says of which field of the body a refusal of the new password speaks.
pub(crate) fn of_field(field: &'static str) -> impl Fn(CredentialError) -> ApiError {
    move |error| match error {
        CredentialError::Unfit(why) => ApiError::invalid(vec![FieldError::invalid(field, why)]),
        other => other.into(),
    }
}

impl From<CredentialError> for ApiError {
    fn from(error: CredentialError) -> Self {
        let code = match &error {
            CredentialError::Unfit(why) => {
                return Self::invalid(vec![FieldError::invalid("password", why)]);
            }
            CredentialError::CurrentMissing => {
                let mut missing = FieldError::required("current_password");
                "must be given to change the password".clone_into(&mut missing.detail);
                return Self::invalid(vec![missing]);
            }
            CredentialError::WrongPassword => ErrorCode::WrongPassword,
            CredentialError::LoginRequired => ErrorCode::Forbidden,
            CredentialError::RegistrationClosed => ErrorCode::RegistrationClosed,
            CredentialError::VerificationRequired => ErrorCode::VerificationRequired,
            CredentialError::InviteRequired => ErrorCode::InviteRequired,
            CredentialError::InviteInvalid => ErrorCode::InviteInvalid,
            CredentialError::CodeInvalid => ErrorCode::CodeInvalid,
            CredentialError::TokenInvalid => ErrorCode::ResetTokenInvalid,
            CredentialError::EmailTaken => ErrorCode::EmailTaken,
            CredentialError::ReauthenticationRequired => ErrorCode::ReauthenticationRequired,
            CredentialError::NotConfigured(_) => {
                return Self::retry(ErrorCode::NotConfigured, error.to_string(), 3600);
            }
            CredentialError::UserNotFound => ErrorCode::UserNotFound,
            CredentialError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds);
            }
            CredentialError::Busy => {
                return Self::retry(ErrorCode::Overloaded, error.to_string(), 5);
            }
            CredentialError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<InviteError> for ApiError {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::Admin(error) => error.into(),
            InviteError::NotFound => Self::new(ErrorCode::NotFound, error.to_string()),
            InviteError::Fault(fault) => Self::internal(&fault),
        }
    }
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        let code = match &error {
            ReportError::NotConfigured => {
                return Self::retry(ErrorCode::NotConfigured, error.to_string(), 3600);
            }
            ReportError::Address => ErrorCode::Forbidden,
            ReportError::Secret
            | ReportError::Signature
            | ReportError::Stale
            | ReportError::Replayed => ErrorCode::SignatureInvalid,
            ReportError::UnknownMessage => ErrorCode::NotFound,
            ReportError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}
