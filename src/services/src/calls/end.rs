//! A device hangs up, or leaves a chat's call.

use melo_domain::{CallState, Party, Side};
use melo_protocol::frame::{CallAction, CallFrame};

use super::forward::{self, To};
use super::signal::{of_frame, spend};
use super::start::party;
use super::store::{self, Talk};
use super::{CallError, Done, announce, finish, group};
use crate::{Caller, Core};

/// Ends a call for both. Before an answer the caller gives up, and whoever is called declines.
pub async fn end(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    spend(core, caller, id).await?;
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    if let Talk::Group(_) = live.talk {
        return group::leave_by_frame(core, caller, frame, id).await;
    }
    // To whom the frame goes is to be known before: afterwards nobody is in the call. What is sealed wrongly is not
    // passed on, but hanging up is never refused.
    let to = recipient(&live, caller);
    let head = forward::head(core, caller, Some(&live));
    if frame.action == CallAction::End
        && let Some(to) = to.filter(|_| !live.is_over())
        && may_end(&live, caller)
        && forward::check(core, frame, to).await.is_ok()
    {
        forward::forward(core, frame, &head, to).await?;
    }
    let changed = finish::hang_up(core, caller, id).await?;
    Ok(Done {
        attends: None,
        answer: announce::answer(core, &changed.after, caller.uid, frame.client_id)?,
    })
}

fn may_end(live: &store::Live, caller: Caller) -> bool {
    let Ok(call) = live.direct() else {
        return false;
    };
    let ringing = call.state == CallState::Ringing && call.callee == caller.uid;
    ringing || call.parties().contains(&party(caller))
}

fn recipient(live: &store::Live, caller: Caller) -> Option<To> {
    let call = live.direct().ok()?;
    let other = call.side(caller.uid)?.other();
    let uid = call.person(other);
    match (other, call.device(other)) {
        (_, Some(device)) => Some(To::Device(Party { uid, device })),
        (Side::Callee, None) => Some(To::Person(uid)),
        (Side::Caller, None) => None,
    }
}
