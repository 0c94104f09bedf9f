//! A device connects: if its person is being called it rings, and if it was in a call it is in it again.

use melo_domain::{CallId, CallState, DirectCall, Side};
use melo_ephemeral::Kind;
use melo_protocol::frame::cut_call_frame;

use super::forward::Kept;
use super::start::party;
use super::store::Talk;
use super::{CallError, announce, attend, slots};
use crate::messages::kid_of;
use crate::{Caller, Core, Fault};

/// What a connecting device is told of calls.
#[derive(Debug, Default)]
pub struct Welcome {
    /// In this order.
    pub frames: Vec<String>,
    /// The call that it is in.
    pub attends: Option<CallId>,
}

/// What a device that has just connected is to be told of the call that its person is in.
pub async fn welcome(core: &Core, caller: Caller) -> Result<Welcome, CallError> {
    let slot = slots::of_person(core, caller.uid);
    let Some(live) = slots::held(core, &slot).await? else {
        return Ok(Welcome::default());
    };
    if live.is_over() {
        return Ok(Welcome::default());
    }
    let inside = live.parties().contains(&party(caller));
    let attends = inside.then_some(live.id);
    if inside {
        attend::hold(core, caller, live.id).await?;
    }
    let mut frames = Vec::new();
    match &live.talk {
        Talk::Direct(call) => {
            let side = call.side(caller.uid);
            if let (true, Some(side), true) = (inside, side, live.named) {
                let status = call.state.into();
                frames.push(announce::state(core, &live, call, status, side, None));
            }
            if concerns(call, caller) {
                frames.extend(kept(core, caller, live.id).await?);
            }
        }
        Talk::Group(_) if inside => frames.extend(announce::roster(core, &live, None)),
        Talk::Group(_) => {}
    }
    Ok(Welcome { frames, attends })
}

/// Whether what is said in the call is for that device: it is in it, or it rings.
pub(super) fn concerns(call: &DirectCall, caller: Caller) -> bool {
    let rings = call.state == CallState::Ringing && call.side(caller.uid) == Some(Side::Callee);
    rings || call.parties().contains(&party(caller))
}

/// What was said to that device, or to all that ring, within the last minute; cut to its own part.
pub(super) async fn kept(
    core: &Core,
    caller: Caller,
    id: CallId,
) -> Result<Vec<String>, CallError> {
    let ids = [id.bytes().to_vec()];
    let all = core.ephemeral.leases(Kind::CallSignal, &ids).await?;
    let kept = all.into_iter().flatten();
    let mut kept: Vec<Kept> = kept
        .filter_map(|value| serde_json::from_slice(&value).ok())
        .filter(|kept: &Kept| kept.from != caller.uid)
        .filter(|kept| kept.device.is_none_or(|device| device == caller.device))
        .collect();
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    kept.sort_by_key(|kept| kept.at);
    let kid = kid_of(core, caller).await.map_err(Fault::from)?;
    Ok(kept
        .iter()
        .map(|kept| cut_call_frame(&kept.text, kid.as_deref()))
        .collect())
}
