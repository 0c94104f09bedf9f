//! Puts messages into the queue.

use melo_domain::{JobKind, Phone, Timestamp};
use melo_storage::{ConnectionTrait, StorageError, deliveries, jobs};
use serde::{Deserialize, Serialize};

use super::MailText;
use crate::Core;

/// What the worker needs for a text message.
#[derive(Serialize, Deserialize)]
pub struct SmsJob {
    /// E.164.
    pub phone: String,
    /// What is to be read.
    pub text: String,
    /// Not to be sent later than this, in milliseconds since 1970.
    pub expires: i64,
}

/// What the worker needs for a mail.
#[derive(Serialize, Deserialize)]
pub struct MailJob {
    /// The recipient.
    pub to: String,
    /// One line.
    pub subject: String,
    /// What is to be read.
    pub text: String,
    /// Not to be sent later than this, in milliseconds since 1970.
    pub expires: i64,
}

fn json(job: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    serde_json::to_vec(job).map_err(|_| StorageError::Corrupt("job"))
}

/// Enqueues a text message. Wake the worker after the commit.
pub(crate) async fn sms(
    core: &Core,
    tx: &impl ConnectionTrait,
    phone: &Phone,
    text: String,
    expires: Timestamp,
) -> Result<(), StorageError> {
    let (keys, now) = (&core.store.keys, core.now());
    let job = SmsJob {
        phone: phone.as_str().to_owned(),
        text,
        expires: expires.millis(),
    };
    let id = jobs::enqueue(tx, keys, JobKind::SendSms, &json(&job)?, now).await?;
    deliveries::insert(tx, keys, id, now).await
}

/// Enqueues a mail. Wake the worker after the commit.
pub(crate) async fn mail(
    core: &Core,
    tx: &impl ConnectionTrait,
    to: &str,
    text: MailText,
    expires: Timestamp,
) -> Result<(), StorageError> {
    let job = MailJob {
        to: to.to_owned(),
        subject: text.subject,
        text: text.text,
        expires: expires.millis(),
    };
    let (keys, now) = (&core.store.keys, core.now());
    jobs::enqueue(tx, keys, JobKind::SendMail, &json(&job)?, now).await?;
    Ok(())
}
