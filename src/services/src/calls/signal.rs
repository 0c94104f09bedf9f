//! What the devices of a call tell each other: descriptions, ways to each other, hold, mute, camera. Passed on as it
//! is, kept for a minute where a device that comes back would need it, and written nowhere.

use std::time::Duration;

use melo_domain::{CallId, CallState, DirectCall, Party, Side};
use melo_ephemeral::{Kind, Quota};
use melo_protocol::frame::{CallAction, CallFrame, Recipient};

use super::forward::{self, To};
use super::store::{self, Live, Talk};
use super::{CallError, Done, accept, attend, group, slots};
use crate::limits::{self, Limit};
use crate::{Caller, Core, Fault, messages};

/// Ways to reach the caller that are kept for devices that come back while it rings.
const KEPT: Quota = Quota {
    count: 64,
    per: Duration::from_secs(60),
    block: Duration::ZERO,
};

/// Passes a frame on within its call.
pub async fn signal(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let id = match of_frame(core, caller, frame).await {
        Ok(id) => id,
        Err(CallError::NotFound) if is_loose(frame) => return loose(core, caller, frame).await,
        Err(error) => return Err(error),
    };
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    if live.is_over() && is_loose(frame) {
        // Of the next call, more likely than late: existing clients cannot say.
        return loose(core, caller, frame).await;
    }
    match &live.talk {
        Talk::Group(_) => group::signal(core, caller, frame, &live).await,
        Talk::Direct(call) => {
            let answers = frame.action == CallAction::Answer
                && call.state == CallState::Ringing
                && call.callee == caller.uid;
            if answers {
                // Existing clients answer by answering.
                return accept(core, caller, frame).await;
            }
            within(core, caller, frame, &live, call).await
        }
    }
}

async fn within(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    live: &Live,
    call: &DirectCall,
) -> Result<Done, CallError> {
    let side = call.side(caller.uid).ok_or(CallError::NotFound)?;
    call.may_signal(side, caller.device)?;
    spend(core, caller, live.id).await?;
    messages::direct_route(core, caller.uid, call.person(side.other())).await?;
    let to = recipient(call, side, frame)?;
    forward::check(core, frame, to).await?;
    let head = forward::head(core, caller, Some(live));
    if let Some(number) = worth_keeping(core, frame, live, to).await? {
        forward::keep(core, frame, &head, live, to, number).await?;
    }
    forward::forward(core, frame, &head, to).await?;
    if side == Side::Caller && frame.action == CallAction::Offer {
        attend::hold(core, caller, live.id).await?;
    }
    Ok(Done::default())
}

fn recipient(call: &DirectCall, side: Side, frame: &CallFrame<'_>) -> Result<To, CallError> {
    let uid = call.person(side.other());
    match (call.device(side.other()), frame.device) {
        // A device that was in the call when the frame was made, and is not any more.
        (Some(device), Some(said)) if device != said => {
            Err(melo_domain::CallRefusal::NotInCall.into())
        }
        (Some(device), _) | (None, Some(device)) => Ok(To::Device(Party { uid, device })),
        (None, None) => Ok(To::Person(uid)),
    }
}

/// Whether a device that comes back needs it; its number among those that are kept.
async fn worth_keeping(
    core: &Core,
    frame: &CallFrame<'_>,
    live: &Live,
    to: To,
) -> Result<Option<u64>, Fault> {
    match (frame.action, to) {
        (CallAction::Start | CallAction::Offer | CallAction::Answer, _) => Ok(Some(0)),
        (CallAction::Candidate, To::Person(_)) => {
            let name = [b"kept ", live.id.bytes()].concat();
            let spent = core.ephemeral.spend(Kind::Limit, &name, &KEPT).await?;
            Ok((!spent.refused).then_some(KEPT.count - spent.remaining))
        }
        _ => Ok(None),
    }
}

/// Takes one of the frames that a device may send within a call.
pub(super) async fn spend(core: &Core, caller: Caller, id: CallId) -> Result<(), CallError> {
    let whose = format!("{id} {}", caller.device);
    Ok(limits::take(core, Limit::CallFrame, whose).await?)
}

/// The call that a frame is about: the one it names, or the one that the caller has with its target.
pub(super) async fn of_frame(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
) -> Result<CallId, CallError> {
    if let Some(id) = frame.call_id {
        return Ok(id);
    }
    match frame.to {
        Some(Recipient::Person(other)) => {
            let held = slots::held(core, &slots::of_person(core, caller.uid)).await?;
            let between = held.filter(|live| {
                let call = live.direct();
                call.is_ok_and(|call| call.side(other).is_some())
            });
            Ok(between.ok_or(CallError::NotFound)?.id)
        }
        Some(Recipient::Chat(chat)) => {
            let held = slots::held(core, &slots::of_chat(core, chat.0)).await?;
            Ok(held.ok_or(CallError::NotFound)?.id)
        }
        None => Err(CallError::NotFound),
    }
}

/// What existing clients say to somebody before there is a call, or with no call at all: ways to reach them that come
/// before the offer, and signals of their own.
fn is_loose(frame: &CallFrame<'_>) -> bool {
    frame.call_id.is_none() && matches!(frame.action, CallAction::Candidate | CallAction::Signal)
}

async fn loose(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let Some(Recipient::Person(target)) = frame.to else {
        return Err(CallError::NotFound);
    };
    messages::direct_route(core, caller.uid, target).await?;
    limits::take(core, Limit::CallFrame, format!("loose {}", caller.device)).await?;
    let head = forward::head(core, caller, None);
    forward::forward(core, frame, &head, To::Person(target)).await?;
    Ok(Done::default())
}
