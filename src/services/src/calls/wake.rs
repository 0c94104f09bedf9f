//! Devices that are asleep are woken by a push. What is to be pushed is a job of the queue; whoever delivers pushes
//! takes it from there, and it is of no use any more when the call has stopped ringing.

use melo_domain::{CallId, ChatId, JobKind, Media, Timestamp, Uid};
use melo_storage::jobs;
use serde::{Deserialize, Serialize};

use super::CallError;
use super::store::{Live, Talk};
use crate::{Core, messages, presence};

/// Members of a chat who are woken for its call: in a larger one a call is no reason to wake people.
const WOKEN: usize = 64;

/// What whoever pushes needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallWakeUp {
    /// Whose devices.
    pub uid: Uid,
    /// The call: its offer is at GET /calls/active.
    pub call_id: CallId,
    /// Who calls.
    pub caller: Uid,
    /// The chat, of a chat's call.
    pub chat_id: Option<ChatId>,
    /// What is in it.
    pub media: Media,
    /// Of no use later than this, in milliseconds since 1970.
    pub expires: i64,
}

/// Leaves a wake-up for somebody of whose devices not all are connected. That the call rings does not depend on it.
pub(super) async fn wake(core: &Core, live: &Live, callee: Uid) {
    if let Err(error) = leave(core, live, &[callee]).await {
        tracing::error!(%error, "a wake-up for a call could not be left");
    }
}

/// The same for the members of a chat.
pub(super) async fn wake_members(core: &Core, live: &Live, members: &[Uid], but: Uid) {
    if members.len() > WOKEN {
        return;
    }
    let others: Vec<Uid> = members.iter().copied().filter(|uid| *uid != but).collect();
    if let Err(error) = leave(core, live, &others).await {
        tracing::error!(%error, "wake-ups for a call could not be left");
    }
}

async fn leave(core: &Core, live: &Live, uids: &[Uid]) -> Result<(), CallError> {
    let there = presence::read(core, uids).await?;
    let mut asleep = Vec::new();
    for uid in uids {
        let connected = there
            .get(uid)
            .map(|live| live.devices.as_slice())
            .unwrap_or_default();
        let published = messages::published(core, *uid).await?;
        let all = !connected.is_empty() && published.iter().all(|d| connected.contains(&d.device));
        if !all {
            asleep.push(*uid);
        }
    }
    if asleep.is_empty() {
        return Ok(());
    }
    let tx = core.store.db.begin().await?;
    for uid in asleep {
        let job = job(core, live, uid);
        let payload = serde_json::to_vec(&job).unwrap_or_default();
        let (keys, now) = (&core.store.keys, core.now());
        jobs::enqueue(&tx, keys, JobKind::PushCall, &payload, now).await?;
    }
    tx.commit()
        .await
        .map_err(melo_storage::StorageError::from)?;
    core.wake_worker();
    Ok(())
}

fn job(core: &Core, live: &Live, uid: Uid) -> CallWakeUp {
    let (caller, chat_id, rings_until) = match &live.talk {
        Talk::Direct(call) => (call.caller.uid, None, call.rings_until),
        Talk::Group(call) => {
            let until = core.now().plus(core.policy.calls.ring);
            (call.starter.uid, Some(ChatId(call.log)), until)
        }
    };
    CallWakeUp {
        uid,
        call_id: live.id,
        caller,
        chat_id,
        media: live.media,
        expires: rings_until.millis(),
    }
}

impl CallWakeUp {
    /// Whether the call has stopped ringing by now, whatever has become of it.
    pub fn is_late(&self, now: Timestamp) -> bool {
        Timestamp::from_millis(self.expires) <= now
    }
}
