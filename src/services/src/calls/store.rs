//! A call as it is kept: read, changed in turn, looked at when something of it is due.

use std::time::Duration;

use melo_domain::{CallId, CallState, DirectCall, GroupCall, LogId, Media, Party, Timestamp, Uid};
use melo_ephemeral::{Kind, Place, Seen};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CallError;
use crate::{Core, Fault};

/// A call that goes on is kept for longer than any may go on: what ends it is what is due.
const LIVE: Duration = Duration::from_hours(24);
/// One that is over is still known, so that whoever comes late learns that it is.
pub(super) const OVER: Duration = Duration::from_secs(60);
/// Who makes it end does what is to be done then. When they did not, because they died, somebody else does after this
/// time.
const UNFINISHED: Duration = Duration::from_secs(5);
/// How often a change is tried while others change the same call.
const TRIES: u32 = 32;

/// Of two people, or of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Talk {
    Direct(DirectCall),
    Group(GroupCall),
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Live {
    pub id: CallId,
    /// Whether the calling client has named it: others know `connected` and `ended` alone.
    pub named: bool,
    pub media: Media,
    /// The log that it will be written into.
    pub log: LogId,
    /// Names its event there, known to nobody else.
    pub record: Uuid,
    pub talk: Talk,
}

impl Live {
    pub(super) fn direct(&self) -> Result<&DirectCall, CallError> {
        match &self.talk {
            Talk::Direct(call) => Ok(call),
            Talk::Group(_) => Err(CallError::WrongKind),
        }
    }

    pub(super) fn direct_mut(&mut self) -> Result<&mut DirectCall, CallError> {
        match &mut self.talk {
            Talk::Direct(call) => Ok(call),
            Talk::Group(_) => Err(CallError::WrongKind),
        }
    }

    pub(super) fn group(&self) -> Result<&GroupCall, CallError> {
        match &self.talk {
            Talk::Group(call) => Ok(call),
            Talk::Direct(_) => Err(CallError::WrongKind),
        }
    }

    pub(super) fn group_mut(&mut self) -> Result<&mut GroupCall, CallError> {
        match &mut self.talk {
            Talk::Group(call) => Ok(call),
            Talk::Direct(_) => Err(CallError::WrongKind),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match &self.talk {
            Talk::Direct(call) => call.state.is_over(),
            Talk::Group(call) => call.is_over(),
        }
    }

    pub(super) fn state(&self) -> CallState {
        match &self.talk {
            Talk::Direct(call) => call.state,
            Talk::Group(call) if call.is_over() => CallState::Ended,
            Talk::Group(_) => CallState::Connected,
        }
    }

    /// The devices that are in it.
    pub(super) fn parties(&self) -> Vec<Party> {
        match &self.talk {
            Talk::Direct(call) => call.parties(),
            Talk::Group(call) => call.joined.iter().map(|joined| joined.party).collect(),
        }
    }

    /// Everybody who has had a part in it, and is kept from other calls by it.
    pub(super) fn people(&self) -> Vec<Uid> {
        match &self.talk {
            Talk::Direct(call) => vec![call.caller.uid, call.callee],
            Talk::Group(call) => call.everybody.clone(),
        }
    }

    pub(super) fn ends_by(&self) -> Option<Timestamp> {
        match &self.talk {
            Talk::Direct(call) => call.ends_by(),
            Talk::Group(call) => call.ends_by(),
        }
    }

    /// When somebody is to look at it next.
    pub(super) fn look_at(&self, core: &Core) -> Timestamp {
        let now = core.now();
        match self.ends_by() {
            Some(end) => end.min(now.plus(core.policy.calls.beat())),
            None => now.plus(UNFINISHED),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Plain names and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

pub(super) fn place(core: &Core, id: CallId) -> Place {
    core.ephemeral.place(Kind::Call, id.bytes())
}

/// What is kept at a place. What another version of this server has kept says nothing to this one.
pub(super) async fn read(core: &Core, place: &Place) -> Result<Option<(Live, Seen)>, Fault> {
    let seen = core.ephemeral.read(place).await?;
    Ok(seen.and_then(|seen| Some((serde_json::from_slice(&seen.value).ok()?, seen))))
}

/// A call.
pub(super) async fn find(core: &Core, id: CallId) -> Result<Option<Live>, Fault> {
    let found = read(core, &place(core, id)).await?;
    Ok(found.map(|(live, _)| live))
}

/// Begins to keep a call. `false`: its name is taken.
pub(super) async fn create(core: &Core, live: &Live) -> Result<bool, Fault> {
    let place = place(core, live.id);
    // First: what is kept but on no agenda would never end.
    core.ephemeral
        .schedule(Kind::Call, &place, live.look_at(core))
        .await?;
    let value = live.to_bytes();
    Ok(core
        .ephemeral
        .swap(&place, None, Some(&value), LIVE)
        .await?)
}

/// Takes back a call that came to nothing.
pub(super) async fn discard(core: &Core, id: CallId) -> Result<(), Fault> {
    let place = place(core, id);
    if let Some((_, seen)) = read(core, &place).await? {
        core.ephemeral.swap(&place, Some(&seen), None, OVER).await?;
    }
    Ok(core.ephemeral.strike_off(Kind::Call, &place).await?)
}

/// A change that was made, or found to be none.
pub(super) struct Changed<T> {
    pub before: Live,
    pub after: Live,
    pub what: T,
}

/// Changes a call. Where somebody else was faster, what they have made of it is changed instead: `change` may be
/// called several times, and of all that are refused or change nothing, nothing is kept.
pub(super) async fn change<T>(
    core: &Core,
    id: CallId,
    mut change: impl FnMut(&mut Live) -> Result<T, CallError>,
) -> Result<Changed<T>, CallError> {
    let place = place(core, id);
    for _ in 0..TRIES {
        let Some((before, seen)) = read(core, &place).await? else {
            return Err(CallError::NotFound);
        };
        let mut after = before.clone();
        let what = change(&mut after)?;
        if after == before {
            return Ok(Changed {
                before,
                after,
                what,
            });
        }
        core.ephemeral
            .schedule(Kind::Call, &place, after.look_at(core))
            .await?;
        let ttl = if after.is_over() { OVER } else { LIVE };
        let value = after.to_bytes();
        let swapped = core.ephemeral.swap(&place, Some(&seen), Some(&value), ttl);
        if swapped.await? {
            return Ok(Changed {
                before,
                after,
                what,
            });
        }
    }
    Err(CallError::Contended)
}
