//! Devices in a call show from time to time that they are there; who does not for too long is out of it.

use melo_domain::{CallId, DeviceHandle};
use melo_ephemeral::Kind;

use super::start::party;
use super::store::Talk;
use super::{CallError, store};
use crate::{Caller, Core, Fault};

/// The device is there, for as long as nothing may be heard of it.
pub(super) async fn hold(core: &Core, caller: Caller, id: CallId) -> Result<(), Fault> {
    let name = caller.device.to_string();
    let (holder, ttl) = (name.as_bytes(), core.policy.calls.lost);
    core.ephemeral
        .lease(Kind::CallDevice, id.bytes(), holder, holder, ttl)
        .await?;
    Ok(())
}

/// The same for a device that is about to become part of a call of its person's: before the change, so that who looks in
/// between does not miss it.
pub(super) async fn hold_before(core: &Core, caller: Caller, id: CallId) -> Result<(), CallError> {
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    let concerned = match &live.talk {
        Talk::Direct(call) => call.side(caller.uid).is_some(),
        Talk::Group(call) => call.device_of(caller.uid).is_some(),
    };
    if !concerned {
        return Err(CallError::NotFound);
    }
    if !live.is_over() {
        hold(core, caller, id).await?;
    }
    Ok(())
}

/// The devices of a call that were heard of lately.
pub(super) async fn present(core: &Core, id: CallId) -> Result<Vec<DeviceHandle>, Fault> {
    let ids = [id.bytes().to_vec()];
    let held = core.ephemeral.leases(Kind::CallDevice, &ids).await?;
    let names = held.into_iter().flatten();
    Ok(names
        .filter_map(|name| std::str::from_utf8(&name).ok()?.parse().ok())
        .collect())
}

/// The device's connection has just heard of it. `false`: it is in that call no longer, and need not say so again.
pub async fn attend(core: &Core, caller: Caller, id: CallId) -> Result<bool, CallError> {
    let live = store::find(core, id).await?;
    let there = live.is_some_and(|live| live.parties().contains(&party(caller)));
    if there {
        hold(core, caller, id).await?;
    }
    Ok(there)
}

/// The device's connection is over. It may come back into the call within the time in which it would not have been
/// missed; then somebody looks.
pub async fn left(core: &Core, caller: Caller, id: CallId) -> Result<(), CallError> {
    if attend(core, caller, id).await? {
        let then = core.now().plus(core.policy.calls.lost);
        core.ephemeral
            .schedule(Kind::Call, &store::place(core, id), then)
            .await
            .map_err(Fault::from)?;
    }
    Ok(())
}
