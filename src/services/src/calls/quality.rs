//! What a client says of a call when it is over.

use std::time::Duration;

use melo_domain::{CallId, CallQuality, CallRefusal};
use melo_ephemeral::Kind;

use super::store::{self, Talk};
use super::{CallError, CallFigures};
use crate::limits::{self, Limit};
use crate::{Caller, Core, Fault};

/// A device reports once of a call. Longer than a call is known that is over.
const ONCE: Duration = Duration::from_secs(2 * 60);

/// Counts how a call was that the caller had a part in, once it is over. Told again, it is not counted again.
pub async fn report_quality(
    core: &Core,
    caller: Caller,
    id: CallId,
    quality: CallQuality,
) -> Result<(), CallError> {
    limits::take(core, Limit::CallStart, format!("quality {}", caller.uid)).await?;
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    let had_part = match &live.talk {
        Talk::Direct(call) => call.side(caller.uid).is_some(),
        Talk::Group(call) => call.everybody.contains(&caller.uid),
    };
    if !had_part {
        return Err(CallError::NotFound);
    }
    if !live.is_over() {
        return Err(CallRefusal::NotYet.into());
    }
    let name = [
        b"quality ",
        id.bytes(),
        caller.device.to_string().as_bytes(),
    ]
    .concat();
    let first = core.ephemeral.claim(Kind::CallDevice, &name, ONCE).await;
    if first.map_err(Fault::from)? {
        core.calls.count(&quality);
    }
    Ok(())
}

impl Core {
    /// What clients have reported of their calls to this node.
    pub fn call_figures(&self) -> CallFigures {
        self.calls.read()
    }
}
