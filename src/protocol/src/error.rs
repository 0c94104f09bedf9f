//! The stable, machine-readable names of everything that can go wrong.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $retryable:literal, $title:literal;)*) => {
        /// What went wrong, by a name that never changes meaning. Used in problem documents and error frames alike.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl ErrorCode {
            /// All of them, for the documentation and its test.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on the wire, `snake_case`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// Whether the same request may succeed later without being changed.
            pub fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable),* }
            }

            /// A few words that are the same for every occurrence (RFC 9457, section 3.1.3).
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

error_codes! {
    /// The body or frame is not JSON of the expected shape.
    Malformed = "malformed", 400, false, "Malformed request";
    /// One or more fields break their rule; `errors` names them.
    ValidationFailed = "validation_failed", 422, false, "Validation failed";
    /// The frame's `type` is not one this server serves.
    UnsupportedType = "unsupported_type", 400, false, "Unsupported frame type";
    /// The phone number has an account already.
    PhoneTaken = "phone_taken", 400, false, "Phone already registered";
    /// The username belongs to somebody else.
    UsernameTaken = "username_taken", 409, false, "Username taken";
    /// Wrong identifier, password or device token.
    InvalidCredentials = "invalid_credentials", 401, false, "Invalid credentials";
    /// No access token, or not one of ours.
    InvalidToken = "invalid_token", 401, false, "Invalid access token";
    /// The access token was good once.
    TokenExpired = "token_expired", 401, false, "Access token expired";
    /// The session of this token was ended.
    SessionRevoked = "session_revoked", 401, false, "Session ended";
    /// A device token that was replaced was shown again; its session is over.
    TokenReused = "token_reused", 401, false, "Device token already replaced";
    /// The password is right; the code of the second factor is missing.
    SecondFactorRequired = "second_factor_required", 401, false, "Second factor required";
    /// The password is right; the code of the second factor is not, or was used before.
    SecondFactorInvalid = "second_factor_invalid", 401, false, "Second factor refused";
    /// The current password in the body is not the account's.
    WrongPassword = "wrong_password", 403, false, "Wrong password";
    /// The password must be shown again first: POST /reauthenticate.
    ReauthenticationRequired = "reauthentication_required", 403, false, "Recent authentication required";
    /// Those who administer need a second factor here: set one up.
    EnrolmentRequired = "enrolment_required", 403, false, "Second factor must be set up";
    /// The personal access token does not have the scope.
    InsufficientScope = "insufficient_scope", 403, false, "Insufficient scope";
    /// An operator wants a new password before the next login: reset it.
    PasswordResetRequired = "password_reset_required", 403, false, "Password reset required";
    /// The account is locked.
    AccountLocked = "account_locked", 403, false, "Account locked";
    /// The account, address or device is banned.
    Banned = "banned", 403, false, "Banned";
    /// Nobody can register here.
    RegistrationClosed = "registration_closed", 403, false, "Registration closed";
    /// A one-time code must be given: POST /register/code.
    VerificationRequired = "verification_required", 403, false, "Verification required";
    /// The one-time code is wrong, expired or used up.
    CodeInvalid = "code_invalid", 400, false, "Code refused";
    /// An invite must be given.
    InviteRequired = "invite_required", 403, false, "Invite required";
    /// The invite is wrong, expired or used up.
    InviteInvalid = "invite_invalid", 404, false, "Invite refused";
    /// A proof of work must be given: GET /register/challenge.
    ProofOfWorkRequired = "proof_of_work_required", 403, false, "Proof of work required";
    /// The proof of work is wrong, expired or used up.
    ProofOfWorkInvalid = "proof_of_work_invalid", 400, false, "Proof of work refused";
    /// The reset token is wrong, expired or used up.
    ResetTokenInvalid = "reset_token_invalid", 400, false, "Reset token refused";
    /// The session of this call cannot be ended this way.
    CurrentSession = "current_session", 400, false, "This is the current session";
    /// A second factor is set up already.
    AlreadyEnabled = "already_enabled", 409, false, "Already enabled";
    /// No second factor is set up.
    NotEnabled = "not_enabled", 409, false, "Not enabled";
    /// There must be an owner.
    LastOwner = "last_owner", 409, false, "The last owner stays";
    /// One of the two has blocked the other.
    Blocked = "blocked", 403, false, "Blocked";
    /// The picture cannot be used.
    InvalidImage = "invalid_image", 422, false, "Picture refused";
    /// The operator has not set this up.
    NotConfigured = "not_configured", 503, false, "Not configured";
    /// The sender of this call could not be verified.
    SignatureInvalid = "signature_invalid", 401, false, "Signature refused";
    /// The `csrf_token` in the body is missing, wrong or expired.
    CsrfFailed = "csrf_failed", 403, false, "CSRF token refused";
    /// The browser page's origin is not on the list.
    OriginRefused = "origin_refused", 403, false, "Origin refused";
    /// The two are not contacts.
    NotAContact = "not_a_contact", 403, false, "Not a contact";
    /// The caller is not a member of the chat.
    NotAMember = "not_a_member", 403, false, "Not a member";
    /// Not allowed to this caller.
    Forbidden = "forbidden", 403, false, "Forbidden";
    /// As many as there may be: members of a chat, chats of a person, invites.
    LimitReached = "limit_reached", 409, false, "Limit reached";
    /// The mail address is confirmed for another account.
    EmailTaken = "email_taken", 409, false, "Mail address taken";
    /// No such user.
    UserNotFound = "user_not_found", 404, false, "User not found";
    /// No such thing, or not for this caller.
    NotFound = "not_found", 404, false, "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, false, "Method not allowed";
    /// Asked to become one's own contact, to write to oneself, or to ban oneself.
    SelfTarget = "self_target", 400, false, "Cannot address yourself";
    /// Already asked, or already contacts.
    AlreadySubscribed = "already_subscribed", 400, false, "Already subscribed";
    /// There is no request to confirm.
    NoPendingRequest = "no_pending_request", 400, false, "No pending request";
    /// The device keys' signature or form does not hold.
    InvalidKey = "invalid_key", 422, false, "Key refused";
    /// Another identity key is already published for this account.
    IdentityConflict = "identity_conflict", 409, false, "Identity key differs";
    /// The envelope is not addressed to exactly the current devices; `missing` and `extra` name them.
    DeviceMismatch = "device_mismatch", 409, true, "Recipient devices changed";
    /// The chat's key is older than the last removal, or used up; make a new one.
    StaleKey = "stale_key", 409, true, "Chat key out of date";
    /// A member who waits for slow mode; `retry_after` says how long.
    SlowMode = "slow_mode", 429, true, "Slow mode";
    /// The envelope is not of the form this server can route.
    InvalidEnvelope = "invalid_envelope", 422, false, "Envelope refused";
    /// The same `client_id` was used for another conversation.
    ClientIdReused = "client_id_reused", 409, false, "client_id already used";
    /// The same `Idempotency-Key` was used for another call.
    IdempotencyKeyReused = "idempotency_key_reused", 422, false, "Idempotency-Key already used";
    /// The call with this `Idempotency-Key` is not answered yet.
    IdempotencyInFlight = "idempotency_in_flight", 409, true, "Call still under way";
    /// There is no such call, or not for this caller.
    CallNotFound = "call_not_found", 404, false, "No such call";
    /// The call is over.
    CallOver = "call_over", 409, false, "Call is over";
    /// Another device of the same person has the call.
    CallTaken = "call_taken", 409, false, "Call is on another device";
    /// Only possible after somebody has answered.
    CallNotAnswered = "call_not_answered", 409, false, "Call not answered";
    /// The device has no part in the call.
    NotInCall = "not_in_call", 403, false, "Not in this call";
    /// The caller is in another call.
    InCall = "in_call", 409, true, "Already in a call";
    /// The body is longer than allowed.
    TooLarge = "too_large", 413, false, "Body too large";
    /// The Content-Type is not one this call reads.
    UnsupportedMediaType = "unsupported_media_type", 415, false, "Unsupported media type";
    /// Too many calls; `retry_after` says when to come back.
    RateLimited = "rate_limited", 429, true, "Too many requests";
    /// Too many open connections from this address.
    TooManyConnections = "too_many_connections", 429, true, "Too many connections";
    /// The server is busy; nothing was done.
    Overloaded = "overloaded", 503, true, "Server busy";
    /// The server is about to stop; nothing was done.
    ShuttingDown = "shutting_down", 503, true, "Server stopping";
    /// A fault of the server's own; the log knows it by `request_id`.
    Internal = "internal", 500, true, "Internal error";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_snake_case_and_serde_agrees() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!(
                code.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
            );
            assert_eq!(
                serde_json::to_string(code).unwrap(),
                format!("\"{}\"", code.as_str())
            );
        }
    }
}
