//! What waits for its time.

use melo_domain::ScheduleId;
use melo_storage::scheduled::{self, Scheduled};

use super::ScheduleError;
use crate::{Caller, Core};

/// All of the caller's, of all their devices, the next one first, without their content.
pub async fn list(core: &Core, caller: Caller) -> Result<Vec<Scheduled>, ScheduleError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    Ok(scheduled::of_person(db, keys, caller.uid).await?)
}

/// One of the caller's, with its content.
pub async fn find(
    core: &Core,
    caller: Caller,
    id: ScheduleId,
) -> Result<(Scheduled, String), ScheduleError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = scheduled::find(db, keys, id).await?;
    found
        .filter(|(scheduled, _)| scheduled.uid == caller.uid)
        .ok_or(ScheduleError::NotFound)
}
