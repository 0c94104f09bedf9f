//! A device's position moved: it is noted, and those whom it concerns are told.

use melo_domain::{LogId, LogKind};
use melo_storage::cursors::Position;

use super::own;
use crate::messages::{self, MessageError};
use crate::{Caller, Core};

/// From where to where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub log: LogId,
    pub kind: LogKind,
    pub before: Position,
    pub after: Position,
    /// Whether anything between the two is, or may be, of somebody else. One's own messages on one's other devices are
    /// nobody else's news.
    pub concerns_others: bool,
}

/// Notes it, and tells. In a direct conversation at once, in a chat with what others read at about the same time.
pub(crate) async fn moved(core: &Core, caller: Caller, moved: Moved) -> Result<(), MessageError> {
    let (log, after) = (moved.log, moved.after);
    match moved.kind {
        LogKind::Direct if moved.concerns_others => {
            messages::acknowledge(core, caller, log, after).await?;
        }
        kind => {
            core.cursors.note(caller.device, log, after);
            if kind.is_chat() && moved.concerns_others {
                core.receipts.note(log, caller.uid, moved.before, after);
            }
        }
    }
    if after.read > moved.before.read {
        own::tell(core, caller, moved).await?;
    }
    Ok(())
}
