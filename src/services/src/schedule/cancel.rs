//! Calls a scheduled message back.

use melo_domain::ScheduleId;
use melo_storage::scheduled;

use super::ScheduleError;
use crate::{Caller, Core};

/// It will not be sent. Refused when its delivery has begun: of the two exactly one happens.
pub async fn cancel(core: &Core, caller: Caller, id: ScheduleId) -> Result<(), ScheduleError> {
    if scheduled::cancel(core.store.db.write(), caller.uid, id).await? {
        Ok(())
    } else {
        Err(ScheduleError::NotFound)
    }
}
