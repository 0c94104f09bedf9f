//! Somebody writes no longer.

use melo_domain::Uid;
use melo_protocol::frame::TypingChange;

use super::{TypingError, tell};
use crate::messages::Destination;
use crate::presence::{Mark, end_mark, read};
use crate::{Caller, Core};

/// The caller writes there no longer. What was not begun needs no end.
pub async fn stop(core: &Core, caller: Caller, place: Destination) -> Result<(), TypingError> {
    end(core, caller.uid, place).await
}

/// The caller writes nowhere any more.
pub async fn stop_all(core: &Core, caller: Caller) -> Result<(), TypingError> {
    let mut entries = read(core, &[caller.uid]).await?;
    let live = entries.remove(&caller.uid).unwrap_or_default();
    for place in live.writing {
        end(core, caller.uid, place).await?;
    }
    Ok(())
}

async fn end(core: &Core, uid: Uid, place: Destination) -> Result<(), TypingError> {
    end_mark(core, uid, Mark::writing(place)).await?;
    let ended = core.writing.ongoing.lock().remove(&(uid, place));
    if let Some(ended) = ended {
        tell(core, uid, place, &ended.audience, TypingChange::Stop);
    }
    Ok(())
}
