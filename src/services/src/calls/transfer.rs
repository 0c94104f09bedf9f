//! Another device of the same person takes the call over.

use melo_domain::{CallEvent, CallStep, Party};
use melo_protocol::frame::{CallFrame, CallStatus};

use super::signal::{of_frame, spend};
use super::{CallError, Done, announce, attend, group, store};
use crate::{Caller, Core};

/// The calling device is in the call from now on; the one that was hears so, and the other person: the two devices
/// have to find a way to each other anew.
pub async fn transfer(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    spend(core, caller, id).await?;
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    if live.group().is_ok() {
        return group::join(core, caller, frame).await;
    }
    attend::hold_before(core, caller, id).await?;
    let now = core.now();
    let changed = store::change(core, id, |live| {
        let call = live.direct_mut()?;
        let side = call.side(caller.uid).ok_or(CallError::NotFound)?;
        let step = call.apply(CallEvent::Transfer(side, caller.device), now)?;
        Ok((step, side))
    });
    let changed = changed.await?;
    let (step, side) = changed.what;
    let (before, after) = (changed.before.direct()?, changed.after.direct()?);
    if step == CallStep::Moved {
        let live = &changed.after;
        let told = announce::state(core, live, after, CallStatus::Transferred, side, None);
        let old = before.device(side).map(|device| Party {
            uid: caller.uid,
            device,
        });
        let other = after.device(side.other()).map(|device| Party {
            uid: after.person(side.other()),
            device,
        });
        for party in [old, other].into_iter().flatten() {
            announce::to_device(core, party, told.clone());
        }
    }
    Ok(Done {
        attends: Some(id),
        answer: announce::answer(core, &changed.after, caller.uid, frame.client_id)?,
    })
}
