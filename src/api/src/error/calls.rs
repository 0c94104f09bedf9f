//! Errors of calls.

use melo_domain::CallRefusal;
use melo_protocol::{ErrorCode, FieldError};
use melo_services::calls::CallError;

use super::ApiError;

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let detail = error.to_string();
        let code = match error {
            CallError::Message(error) => return error.into(),
            // Only what the server asks itself, and reports of a call that goes on.
            CallError::Refused(CallRefusal::NotYet) => {
                let why = "must be of a call that is over";
                return Self::invalid(vec![FieldError::invalid("call_id", why)]);
            }
            CallError::AddressNeeded => {
                let why = "and target must be given within a chat's call";
                return Self::invalid(vec![FieldError::invalid("device", why)]);
            }
            CallError::WrongKind => {
                let why = "must suit the call: a chat's is joined, two people's is answered";
                return Self::invalid(vec![FieldError::invalid("type", why)]);
            }
            CallError::Refused(CallRefusal::Over) => ErrorCode::CallOver,
            CallError::Refused(CallRefusal::Taken) => ErrorCode::CallTaken,
            CallError::Refused(CallRefusal::NotAnswered) => ErrorCode::CallNotAnswered,
            CallError::Refused(CallRefusal::NotInCall) => ErrorCode::NotInCall,
            CallError::NotFound => ErrorCode::CallNotFound,
            CallError::IdTaken => ErrorCode::ClientIdReused,
            CallError::InCall => ErrorCode::InCall,
            CallError::Full => ErrorCode::LimitReached,
            CallError::Contended => return Self::retry(ErrorCode::Overloaded, detail, 1),
            CallError::Limited(seconds) => {
                return Self::retry(ErrorCode::RateLimited, detail, seconds);
            }
            CallError::Fault(fault) => return Self::internal(&fault),
        };
        Self::new(code, detail)
    }
}
