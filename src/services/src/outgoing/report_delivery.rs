//! What the provider of text messages reports.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use melo_crypto::{MessageMac, same_secret};
use melo_domain::{DeliveryStatus, Secret};
use melo_ephemeral::{EphemeralError, Kind};
use melo_storage::{StorageError, deliveries};

use crate::fault::faults;
use crate::{Core, Fault};

/// How far the provider's clock and ours may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// How reports are told from anybody's calls: all three must hold.
#[derive(Clone)]
pub struct WebhookGuard {
    /// Where the provider calls from.
    pub addresses: Vec<IpNet>,
    /// What it sends in a header.
    pub secret: Secret,
    /// What it signs with.
    pub key: MessageMac,
}

/// A call as it came.
pub struct ReportCall<'a> {
    /// From where.
    pub address: IpAddr,
    /// `X-Melo-Secret`.
    pub secret: &'a str,
    /// `X-Melo-Timestamp`, seconds since 1970.
    pub timestamp: &'a str,
    /// `X-Melo-Signature`, `sha256=` and 64 hex digits.
    pub signature: &'a str,
    /// As sent.
    pub body: &'a [u8],
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No guard is set up.
    #[error("delivery reports are not set up on this server")]
    NotConfigured,
    /// From elsewhere.
    #[error("calls from this address are not taken")]
    Address,
    /// Wrong secret.
    #[error("X-Melo-Secret is missing or wrong")]
    Secret,
    /// Wrong signature.
    #[error("X-Melo-Signature does not fit X-Melo-Timestamp and the body")]
    Signature,
    /// Too old, or from the future.
    #[error("X-Melo-Timestamp is more than five minutes off")]
    Stale,
    /// The same call again.
    #[error("this call was received before")]
    Replayed,
    /// No such message.
    #[error("there is no such message")]
    UnknownMessage,
    /// Internal.
    #[error(transparent)]
    Fault(#[from] Fault),
}

faults!(ReportError: StorageError, EphemeralError);

/// Lets a call through whose address, secret, time and signature are right, once.
pub async fn admit_report(
    core: &Core,
    guard: Option<&WebhookGuard>,
    call: &ReportCall<'_>,
) -> Result<(), ReportError> {
    let guard = guard.ok_or(ReportError::NotConfigured)?;
    if !guard
        .addresses
        .iter()
        .any(|net| net.contains(&call.address))
    {
        return Err(ReportError::Address);
    }
    if !same_secret(&guard.secret, call.secret) {
        return Err(ReportError::Secret);
    }
    let signature = call.signature.strip_prefix("sha256=").unwrap_or("");
    if !guard.key.verify(call.timestamp, call.body, signature) {
        return Err(ReportError::Signature);
    }
    let at: i64 = call.timestamp.parse().map_err(|_| ReportError::Stale)?;
    let apart = core.now().seconds().abs_diff(at);
    if apart > CLOCKS_APART.as_secs() {
        return Err(ReportError::Stale);
    }
    // What was signed, not the signature's letters: those can be written in two ways.
    let signed = [call.timestamp.as_bytes(), b".", call.body].concat();
    let remembered = CLOCKS_APART * 2 + Duration::from_secs(1);
    let claimed = core.ephemeral.claim(Kind::Webhook, &signed, remembered);
    if !claimed.await? {
        return Err(ReportError::Replayed);
    }
    Ok(())
}

/// Notes how far a message has come.
pub async fn report_delivery(
    core: &Core,
    id: i64,
    status: DeliveryStatus,
) -> Result<(), ReportError> {
    let (store, now) = (&core.store, core.now());
    let known = deliveries::advance(store.db.write(), &store.keys, id, status, now).await?;
    if known {
        Ok(())
    } else {
        Err(ReportError::UnknownMessage)
    }
}
