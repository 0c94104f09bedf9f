//! A device hears the other one.

use melo_domain::CallEvent;
use melo_protocol::frame::CallFrame;

use super::signal::{of_frame, spend};
use super::start::party;
use super::{CallError, Done, announce, attend, store};
use crate::{Caller, Core};

/// The two are connected; the other one is told with `call_state`.
pub async fn connect(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    spend(core, caller, id).await?;
    attend::hold_before(core, caller, id).await?;
    let now = core.now();
    let changed = store::change(core, id, |live| {
        let call = live.direct_mut()?;
        let side = call.side(caller.uid).ok_or(CallError::NotFound)?;
        call.apply(CallEvent::Connect(side, caller.device), now)?;
        Ok(side)
    });
    let changed = changed.await?;
    announce::moved(
        core,
        changed.before.direct()?,
        &changed.after,
        Some(party(caller)),
    );
    announce::connected(core, &changed.after, changed.what);
    Ok(Done {
        attends: Some(id),
        answer: announce::answer(core, &changed.after, caller.uid, frame.client_id)?,
    })
}
