//! The outside world: text messages and mail, and the relay for calls. What is sent, to whom and when is decided above; here is only
//! how. Each message has an id of the caller's, which a provider can tell a second attempt by.

mod mail;
mod sms;
mod template;
pub mod turn;

pub use mail::{Mail, MailFault, MailSettings, Mailer, SmtpSecurity, smtp_security};
pub use sms::{HttpSms, HttpSmsSettings, SmsGateway, TextMessage};
pub use template::{BodyTemplate, InvalidTemplate};

use std::time::Duration;

/// How long a provider may take to accept a message.
pub const SEND_WITHIN: Duration = Duration::from_secs(12);

/// Why a message was not accepted. The texts say nothing of the message and may be logged.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Worth another attempt.
    #[error("not accepted for now: {0}")]
    Temporary(String),
    /// The same message will not be accepted later either.
    #[error("refused: {0}")]
    Permanent(String),
}

/// A gateway that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GatewayError(String);
