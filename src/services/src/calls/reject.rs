//! A device declines: none of its person's devices rings any more.

use melo_domain::{CallEvent, CallState, CallStep, Side};
use melo_protocol::frame::CallFrame;

use super::forward::{self, To};
use super::signal::{of_frame, spend};
use super::start::party;
use super::{CallError, Done, announce, finish, store};
use crate::{Caller, Core};

/// Declines a call, or says that the device is in another one.
pub async fn reject(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    spend(core, caller, id).await?;
    let now = core.now();
    let changed = store::change(core, id, |live| {
        let call = live.direct_mut()?;
        match call.side(caller.uid) {
            Some(Side::Callee) if frame.busy && call.state == CallState::Ringing => {
                Ok(call.apply(CallEvent::Busy(caller.device), now)?)
            }
            Some(Side::Callee) => Ok(call.apply(CallEvent::Reject(caller.device), now)?),
            Some(Side::Caller) | None => Err(CallError::NotFound),
        }
    });
    let changed = changed.await?;
    let live = &changed.after;
    if changed.what == CallStep::Moved {
        let to = To::Device(live.direct()?.caller);
        let sealed = forward::check(core, frame, to).await;
        if sealed.is_ok() {
            let head = forward::head(core, caller, Some(live));
            forward::forward(core, frame, &head, to).await?;
        }
        announce::moved(core, changed.before.direct()?, live, Some(party(caller)));
        finish::finish(core, live).await?;
        sealed?;
    }
    Ok(Done {
        attends: None,
        answer: announce::answer(core, live, caller.uid, frame.client_id)?,
    })
}
