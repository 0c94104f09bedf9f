//! Text messages and mails: put into the queue in the transaction that causes them, sent by a worker.

mod enqueue;
mod report_delivery;
mod sweep;
mod texts;

pub use enqueue::{MailJob, SmsJob};
pub(crate) use enqueue::{mail, sms};
pub use report_delivery::{ReportCall, ReportError, WebhookGuard, admit_report, report_delivery};
pub use sweep::sweep;
pub(crate) use texts::{MailText, confirm_mail, register_code, reset_code, reset_mail};

/// Which ways out the operator has set up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Channels {
    /// Text messages.
    pub sms: bool,
    /// Mail.
    pub mail: bool,
}
