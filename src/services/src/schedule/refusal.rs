//! What a refusal means for a message that nobody waits for.

use melo_protocol::ErrorCode;

use crate::chats::ChatError;
use crate::messages::MessageError;

/// Whether the same may succeed in a while.
pub(super) fn is_temporary(error: &MessageError) -> bool {
    matches!(
        error,
        MessageError::Fault(_)
            | MessageError::NotStored
            | MessageError::Stopping
            | MessageError::Limited(_)
            | MessageError::Chat(
                ChatError::Fault(_) | ChatError::SlowMode(_) | ChatError::Limited(_)
            )
    )
}

/// The code that its author is told.
pub(super) fn code(error: &MessageError) -> ErrorCode {
    match error {
        MessageError::SelfTarget => ErrorCode::SelfTarget,
        MessageError::NotAContact => ErrorCode::NotAContact,
        MessageError::Blocked => ErrorCode::Blocked,
        MessageError::TooLarge => ErrorCode::TooLarge,
        MessageError::SignedOut => ErrorCode::SessionRevoked,
        MessageError::NotAMember | MessageError::Chat(ChatError::NotAMember) => {
            ErrorCode::NotAMember
        }
        MessageError::StaleKey | MessageError::Chat(ChatError::StaleKey) => ErrorCode::StaleKey,
        MessageError::Chat(ChatError::Forbidden) => ErrorCode::Forbidden,
        MessageError::Chat(ChatError::SlowMode(_)) => ErrorCode::SlowMode,
        MessageError::NotFound | MessageError::Chat(ChatError::NotFound) => ErrorCode::NotFound,
        MessageError::Envelope(_)
        | MessageError::KeysMissing
        | MessageError::NoDevices
        | MessageError::Chat(ChatError::KeyRefNeeded) => ErrorCode::InvalidEnvelope,
        _ => ErrorCode::Internal,
    }
}
