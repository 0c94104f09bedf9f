//! A device answers.

use melo_domain::{CallEvent, CallStep, Side};
use melo_protocol::frame::CallFrame;

use super::forward::{self, To};
use super::signal::{of_frame, spend};
use super::start::party;
use super::{CallError, Done, announce, attend, store};
use crate::{Caller, Core};

/// The call is this device's, if it is the first.
pub async fn accept(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    spend(core, caller, id).await?;
    attend::hold_before(core, caller, id).await?;
    let now = core.now();
    let changed = store::change(core, id, |live| {
        let call = live.direct_mut()?;
        if call.side(caller.uid) != Some(Side::Callee) {
            return Err(CallError::NotFound);
        }
        Ok(call.apply(CallEvent::Accept(caller.device), now)?)
    });
    let changed = changed.await?;
    let live = &changed.after;
    if changed.what == CallStep::Moved {
        let call = live.direct()?;
        let head = forward::head(core, caller, Some(live));
        let to = To::Device(call.caller);
        // What is sealed wrongly is not passed on; the answer itself stands.
        let sealed = forward::check(core, frame, to).await;
        if sealed.is_ok() {
            forward::forward(core, frame, &head, to).await?;
        }
        announce::moved(core, changed.before.direct()?, live, Some(party(caller)));
        sealed?;
    }
    Ok(Done {
        attends: Some(id),
        answer: announce::answer(core, live, caller.uid, frame.client_id)?,
    })
}
