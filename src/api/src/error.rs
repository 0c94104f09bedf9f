//! The one place where the services' errors become codes.

mod abuse;
mod admin;
mod calls;
pub(crate) mod credentials;
mod presence;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use melo_protocol::{ErrorCode, FieldError};
use melo_services::Fault;
use melo_services::access::AccessError;
use melo_services::account::{AccountError, AuthError};
use melo_services::avatar::AvatarError;
use melo_services::chats::ChatError;
use melo_services::contacts::ContactError;
use melo_services::keys::KeyError;
use melo_services::live::LiveError;
use melo_services::messages::MessageError;
use melo_services::people::PeopleError;
use melo_services::schedule::ScheduleError;

/// An error on its way to a client, by REST or by WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub code: ErrorCode,
    /// For a person; nothing internal.
    pub detail: String,
    /// Seconds.
    pub retry_after: Option<u64>,
    pub errors: Vec<FieldError>,
    pub missing: Vec<String>,
    pub extra: Vec<String>,
    /// For the log only.
    pub cause: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after: None,
            errors: Vec::new(),
            missing: Vec::new(),
            extra: Vec::new(),
            cause: None,
        }
    }

    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let fields: Vec<String> = errors
            .iter()
            .map(|e| format!("{} {}", e.field, e.detail))
            .collect();
        Self {
            errors,
            ..Self::new(ErrorCode::ValidationFailed, fields.join("; "))
        }
    }

    fn retry(code: ErrorCode, detail: impl Into<String>, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(code, detail)
        }
    }

    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(
                ErrorCode::Internal,
                "something went wrong on the server; try again, and tell the operator the request_id if it stays",
            )
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Empty: the middleware knows the path and the request id, and writes the problem document.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        Self::internal(&fault)
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::InvalidToken => ErrorCode::InvalidToken,
            AuthError::Expired => ErrorCode::TokenExpired,
            AuthError::SessionRevoked => ErrorCode::SessionRevoked,
            AuthError::ScopeRequired(_) => ErrorCode::InsufficientScope,
            AuthError::KeptOut => ErrorCode::Banned,
            AuthError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        let code = match error {
            AccountError::Access(error) => return error.into(),
            AccountError::Credential(error) => return error.into(),
            AccountError::PhoneTaken => ErrorCode::PhoneTaken,
            AccountError::UsernameTaken => ErrorCode::UsernameTaken,
            AccountError::InvalidCredentials => ErrorCode::InvalidCredentials,
            AccountError::Locked => ErrorCode::AccountLocked,
            AccountError::Banned | AccountError::KeptOut => ErrorCode::Banned,
            AccountError::WorkRequired => ErrorCode::ProofOfWorkRequired,
            AccountError::WorkInvalid => ErrorCode::ProofOfWorkInvalid,
            AccountError::ResetRequired => ErrorCode::PasswordResetRequired,
            AccountError::SecondFactorRequired => ErrorCode::SecondFactorRequired,
            AccountError::SecondFactorInvalid => ErrorCode::SecondFactorInvalid,
            AccountError::LastOwner => ErrorCode::LastOwner,
            AccountError::UserNotFound => ErrorCode::UserNotFound,
            AccountError::NotAContact => ErrorCode::NotAContact,
            AccountError::NoBackup => ErrorCode::NotFound,
            AccountError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, detail, seconds);
            }
            AccountError::Busy => return Self::retry(ErrorCode::Overloaded, detail, 5),
            AccountError::Fault(fault) => return Self::internal(&fault),
        };
        Self::new(code, detail)
    }
}

impl From<ContactError> for ApiError {
    fn from(error: ContactError) -> Self {
        let code = match &error {
            ContactError::Csrf => ErrorCode::CsrfFailed,
            ContactError::SelfTarget => ErrorCode::SelfTarget,
            ContactError::AlreadySubscribed => ErrorCode::AlreadySubscribed,
            ContactError::Blocked => ErrorCode::Blocked,
            ContactError::UserNotFound => ErrorCode::UserNotFound,
            ContactError::NotAContact => ErrorCode::NotFound,
            ContactError::NoPendingRequest => ErrorCode::NoPendingRequest,
            ContactError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds);
            }
            ContactError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        let code = match &error {
            KeyError::NotOwnDevice => ErrorCode::Forbidden,
            KeyError::Invalid(_) => ErrorCode::InvalidKey,
            KeyError::IdentityConflict => ErrorCode::IdentityConflict,
            KeyError::UserNotFound => ErrorCode::UserNotFound,
            KeyError::NotAContact => ErrorCode::NotAContact,
            KeyError::DeviceNotFound => ErrorCode::NotFound,
            KeyError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds);
            }
            KeyError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        let code = match &error {
            AccessError::WrongPassword => ErrorCode::WrongPassword,
            AccessError::SecondFactorRequired => ErrorCode::SecondFactorRequired,
            AccessError::SecondFactorInvalid => ErrorCode::SecondFactorInvalid,
            AccessError::LoginRequired | AccessError::AdminScope | AccessError::TooManyTokens => {
                ErrorCode::Forbidden
            }
            AccessError::ReauthenticationRequired => ErrorCode::ReauthenticationRequired,
            AccessError::CurrentSession => ErrorCode::CurrentSession,
            AccessError::NotFound(_) => ErrorCode::NotFound,
            AccessError::InvalidDeviceToken => ErrorCode::InvalidCredentials,
            AccessError::TokenReused => ErrorCode::TokenReused,
            AccessError::AlreadyEnabled => ErrorCode::AlreadyEnabled,
            AccessError::NotEnabled => ErrorCode::NotEnabled,
            AccessError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, detail, *seconds);
            }
            AccessError::Busy => return Self::retry(ErrorCode::Overloaded, detail, 5),
            AccessError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, detail)
    }
}

impl From<MessageError> for ApiError {
    fn from(error: MessageError) -> Self {
        let detail = error.to_string();
        let code = match error {
            MessageError::SelfTarget => ErrorCode::SelfTarget,
            MessageError::NotAContact => ErrorCode::NotAContact,
            MessageError::Blocked => ErrorCode::Blocked,
            MessageError::TooLarge => ErrorCode::TooLarge,
            MessageError::Envelope(_) | MessageError::KeysMissing | MessageError::NoDevices => {
                ErrorCode::InvalidEnvelope
            }
            MessageError::DeviceMismatch { missing, extra } => {
                return Self {
                    missing,
                    extra,
                    ..Self::new(ErrorCode::DeviceMismatch, detail)
                };
            }
            MessageError::ClientIdReused => ErrorCode::ClientIdReused,
            MessageError::Chat(error) => return error.into(),
            MessageError::NotAMember => ErrorCode::NotAMember,
            MessageError::StaleKey => ErrorCode::StaleKey,
            MessageError::SignedOut => ErrorCode::SessionRevoked,
            MessageError::ReactionTooLong => ErrorCode::ValidationFailed,
            MessageError::NotTheAuthor => ErrorCode::Forbidden,
            MessageError::TooManyChanges | MessageError::TooManyDrafts => ErrorCode::LimitReached,
            MessageError::NotFound => ErrorCode::NotFound,
            MessageError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, detail, seconds);
            }
            MessageError::Stopping => return Self::retry(ErrorCode::ShuttingDown, detail, 2),
            MessageError::NotStored => return Self::internal(&detail),
            MessageError::Fault(fault) => return Self::internal(&fault),
        };
        Self::new(code, detail)
    }
}

impl From<ChatError> for ApiError {
    fn from(error: ChatError) -> Self {
        let detail = error.to_string();
        let code = match error {
            ChatError::Avatar(error) => return error.into(),
            ChatError::NotFound | ChatError::NoPicture => ErrorCode::NotFound,
            ChatError::UserNotFound => ErrorCode::UserNotFound,
            ChatError::InviteInvalid => ErrorCode::InviteInvalid,
            ChatError::Banned => ErrorCode::Banned,
            ChatError::Blocked => ErrorCode::Blocked,
            ChatError::OwnerStays => ErrorCode::LastOwner,
            ChatError::LimitReached(_) => ErrorCode::LimitReached,
            ChatError::NotAMember => ErrorCode::NotAMember,
            ChatError::Forbidden => ErrorCode::Forbidden,
            ChatError::Envelope(_) | ChatError::KeyRefNeeded | ChatError::KeysNeeded => {
                ErrorCode::InvalidEnvelope
            }
            ChatError::StaleKey => ErrorCode::StaleKey,
            ChatError::DeviceMismatch { missing, extra } => {
                return Self {
                    missing,
                    extra,
                    ..Self::new(ErrorCode::DeviceMismatch, detail)
                };
            }
            ChatError::TooLarge => ErrorCode::TooLarge,
            ChatError::ClientIdReused => ErrorCode::ClientIdReused,
            ChatError::SlowMode(seconds) => {
                return Self::retry(ErrorCode::SlowMode, detail, seconds);
            }
            ChatError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, detail, seconds);
            }
            ChatError::Fault(fault) => return Self::internal(&fault),
        };
        Self::new(code, detail)
    }
}

impl From<ScheduleError> for ApiError {
    fn from(error: ScheduleError) -> Self {
        let code = match error {
            ScheduleError::When => {
                return Self::invalid(vec![FieldError::invalid(
                    "when",
                    "must be in the future, a year ahead at most",
                )]);
            }
            ScheduleError::TooMany => ErrorCode::LimitReached,
            ScheduleError::NotFound => ErrorCode::NotFound,
            ScheduleError::Message(error) => return error.into(),
            ScheduleError::Fault(fault) => return Self::internal(&fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        let code = match &error {
            PeopleError::SelfTarget => ErrorCode::SelfTarget,
            PeopleError::UserNotFound => ErrorCode::UserNotFound,
            PeopleError::NotBlocked => ErrorCode::NotFound,
            PeopleError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds);
            }
            PeopleError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<AvatarError> for ApiError {
    fn from(error: AvatarError) -> Self {
        let code = match &error {
            AvatarError::Unsupported => ErrorCode::UnsupportedMediaType,
            AvatarError::Invalid(_) => ErrorCode::InvalidImage,
            AvatarError::TooLarge => ErrorCode::TooLarge,
            AvatarError::None => ErrorCode::NotFound,
            AvatarError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, error.to_string(), *seconds);
            }
            AvatarError::Busy => return Self::retry(ErrorCode::Overloaded, error.to_string(), 5),
            AvatarError::Fault(fault) => return Self::internal(fault),
        };
        Self::new(code, error.to_string())
    }
}

impl From<LiveError> for ApiError {
    fn from(error: LiveError) -> Self {
        match error {
            LiveError::UnknownLog => Self::new(ErrorCode::NotFound, error.to_string()),
            LiveError::BeyondSent => Self::new(ErrorCode::ValidationFailed, error.to_string()),
            LiveError::Message(error) => error.into(),
        }
    }
}
