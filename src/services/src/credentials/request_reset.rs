//! Somebody has forgotten their password.

use melo_domain::{JobKind, Language};
use melo_storage::{StorageError, jobs};
use serde::{Deserialize, Serialize};

use super::{CredentialError, Whom};
use crate::limits::{self, Limit};
use crate::{Core, Origin};

/// How the proof is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A code to the phone.
    Sms,
    /// A token to the confirmed mail address.
    Mail,
}

/// A reset that was asked for.
pub struct ResetRequest {
    /// For whom.
    pub whom: Whom,
    /// How, if they care.
    pub channel: Option<Channel>,
    /// What they read.
    pub language: Language,
    /// Where the call came from.
    pub origin: Origin,
}

/// The same as it waits in the queue.
#[derive(Serialize, Deserialize)]
pub(super) struct QueuedReset {
    pub whom: String,
    pub channel: Option<Channel>,
    pub language: Language,
    pub address: std::net::IpAddr,
    pub user_agent: String,
    pub request_id: String,
}

/// Takes the request into the queue and looks nobody up: what this does, and how long it takes, says nothing of
/// whether there is such an account.
pub async fn request_reset(core: &Core, request: ResetRequest) -> Result<(), CredentialError> {
    let channels = core.policy.channels;
    match request.channel {
        Some(Channel::Sms) if !channels.sms => {
            return Err(CredentialError::NotConfigured("text messages"));
        }
        Some(Channel::Mail) if !channels.mail => {
            return Err(CredentialError::NotConfigured("mail"));
        }
        None if !channels.sms && !channels.mail => {
            return Err(CredentialError::NotConfigured("text messages or mail"));
        }
        _ => {}
    }
    let whom = request.whom.text();
    limits::open_call(core, request.origin.address).await?;
    limits::take(core, Limit::CodesFrom, request.origin.address).await?;
    limits::take(core, Limit::Reset, &whom).await?;
    let queued = QueuedReset {
        whom,
        channel: request.channel,
        language: request.language,
        address: request.origin.address,
        user_agent: request.origin.user_agent,
        request_id: request.origin.request_id,
    };
    let payload = serde_json::to_vec(&queued).map_err(|_| StorageError::Corrupt("job"))?;
    let (db, keys) = (core.store.db.write(), &core.store.keys);
    jobs::enqueue(db, keys, JobKind::StartReset, &payload, core.now()).await?;
    core.wake_worker();
    Ok(())
}
