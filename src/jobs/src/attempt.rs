//! One attempt at one job. Each kind may be begun any number of times: what leaves carries the job's id, by which
//! a provider tells a second attempt from a second message.

use melo_domain::{JobKind, Timestamp};
use melo_gateways::{Mail, Mailer, SendError, SmsGateway, TextMessage};
use melo_services::calls::CallWakeUp;
use melo_services::outgoing::{MailJob, SmsJob};
use melo_services::queue::{self, Claim, Outcome};
use melo_services::schedule::{self, Undelivered};
use melo_services::{Core, credentials};

/// The ways out.
pub struct Gateways {
    /// Text messages.
    pub sms: SmsGateway,
    /// Mail, if there is a server for it.
    pub mail: Option<Mailer>,
}

/// Tries a job once and settles it.
pub(crate) async fn attempt(core: &Core, gateways: &Gateways, claim: &Claim) {
    let id = format!("{:016x}", claim.id);
    let outcome = match claim.kind {
        JobKind::SendSms => send_sms(core, gateways, claim, &id).await,
        JobKind::SendMail => send_mail(core, gateways, claim, &id).await,
        JobKind::StartReset => start_reset(core, claim, &id).await,
        JobKind::DeliverScheduled => deliver_scheduled(core, claim, &id).await,
        JobKind::PushCall => Some(push_call(core, claim)),
    };
    let Some(outcome) = outcome else {
        // It removed itself in the transaction that did it.
        return;
    };
    tracing::debug!(job = %id, kind = ?claim.kind, attempt = claim.attempt, ?outcome, "job");
    if let Err(error) = queue::settle(core, claim, outcome).await {
        // Its lease runs out, and it is tried again.
        tracing::error!(job = %id, %error, "a job could not be settled");
    }
}

async fn send_sms(core: &Core, gateways: &Gateways, claim: &Claim, id: &str) -> Option<Outcome> {
    let Ok(job) = serde_json::from_slice::<SmsJob>(&claim.payload) else {
        return Some(Outcome::Never);
    };
    if is_late(core, job.expires) {
        return Some(Outcome::TooLate);
    }
    let message = TextMessage {
        id: id.to_owned(),
        phone: job.phone,
        text: job.text,
    };
    let sent = gateways.sms.send(&message, core.now()).await;
    Some(judge(sent, claim, id))
}

async fn send_mail(core: &Core, gateways: &Gateways, claim: &Claim, id: &str) -> Option<Outcome> {
    let Ok(job) = serde_json::from_slice::<MailJob>(&claim.payload) else {
        return Some(Outcome::Never);
    };
    if is_late(core, job.expires) {
        return Some(Outcome::TooLate);
    }
    let Some(mailer) = &gateways.mail else {
        return Some(Outcome::Never);
    };
    let mail = Mail {
        id: id.to_owned(),
        to: job.to,
        subject: job.subject,
        text: job.text,
    };
    let sent = tokio::time::timeout(melo_gateways::SEND_WITHIN, mailer.send(&mail, core.now()));
    let sent = sent.await.unwrap_or_else(|_| {
        let late = "the mail server took too long".to_owned();
        Err(SendError::Temporary(late))
    });
    Some(judge(sent, claim, id))
}

async fn start_reset(core: &Core, claim: &Claim, id: &str) -> Option<Outcome> {
    match credentials::start_reset(core, claim).await {
        Ok(()) => None,
        Err(error) => {
            tracing::error!(job = %id, %error, "a password reset could not be begun");
            Some(Outcome::Later)
        }
    }
}

async fn deliver_scheduled(core: &Core, claim: &Claim, id: &str) -> Option<Outcome> {
    match schedule::deliver(core, claim).await {
        Ok(()) => None,
        Err(Undelivered::Malformed) => Some(Outcome::Never),
        Err(Undelivered::Later(cause)) => {
            tracing::warn!(job = %id, attempt = claim.attempt, %cause, "a scheduled message was not sent; tried again later");
            Some(Outcome::Later)
        }
    }
}

/// No push service is connected yet: a wake-up waits for one as long as its call rings, and is dropped then. It is
/// never among the jobs that were given up, as nothing went wrong.
fn push_call(core: &Core, claim: &Claim) -> Outcome {
    match serde_json::from_slice::<CallWakeUp>(&claim.payload) {
        Ok(job) if job.is_late(core.now()) => Outcome::TooLate,
        Ok(_) => Outcome::Later,
        Err(_) => Outcome::Never,
    }
}

fn is_late(core: &Core, expires: i64) -> bool {
    Timestamp::from_millis(expires) <= core.now()
}

fn judge(sent: Result<(), SendError>, claim: &Claim, id: &str) -> Outcome {
    let attempt = claim.attempt;
    match sent {
        Ok(()) => Outcome::Done,
        Err(SendError::Temporary(cause)) => {
            tracing::warn!(job = %id, kind = ?claim.kind, attempt, %cause, "not sent; tried again later");
            Outcome::Later
        }
        Err(SendError::Permanent(cause)) => {
            tracing::error!(job = %id, kind = ?claim.kind, attempt, %cause, "not sent, and given up");
            Outcome::Never
        }
    }
}
