//! Errors of calls.

use melo_domain::CallRefusal;
use melo_protocol::ErrorCode;
use melo_services::calls::CallError;

use super::ApiError;

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        let code = match error {
            CallError::Message(error) => return error.into(),
            CallError::Refused(refusal) => of_refusal(refusal),
            CallError::NotFound => ErrorCode::CallNotFound,
            CallError::IdTaken => ErrorCode::ClientIdReused,
            CallError::InCall => ErrorCode::InCall,
            CallError::Full => ErrorCode::LimitReached,
            CallError::AddressNeeded | CallError::WrongKind => ErrorCode::ValidationFailed,
            CallError::Contended => return Self::retry(ErrorCode::Overloaded, detail, 1),
            CallError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, detail, seconds);
            }
            CallError::Fault(fault) => return Self::internal(&fault),
        };
        Self::new(code, detail)
    }
}

fn of_refusal(refusal: CallRefusal) -> ErrorCode {
    match refusal {
        CallRefusal::Over => ErrorCode::CallOver,
        CallRefusal::Taken => ErrorCode::CallTaken,
        CallRefusal::NotAnswered => ErrorCode::CallNotAnswered,
        CallRefusal::NotInCall => ErrorCode::NotInCall,
        // Only asked for by the server itself, and by who reports of a call that goes on.
        CallRefusal::NotYet => ErrorCode::ValidationFailed,
    }
}
