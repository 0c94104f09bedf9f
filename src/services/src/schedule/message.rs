//! Takes a message that is to be sent later.

use std::time::Duration;

use melo_domain::{ScheduleId, Timestamp};
use melo_storage::scheduled::{self, Addressee, NewScheduled};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{MAX_DAYS_AHEAD, MAX_PENDING, ScheduleError};
use crate::messages::{self, Destination, SendInput};
use crate::{Caller, Core};

/// A message for later.
pub struct ScheduleInput<'a> {
    /// To whom.
    pub to: Destination,
    /// When.
    pub when: Timestamp,
    /// A JSON string or object.
    pub payload: &'a RawValue,
    /// Makes sending again safe.
    pub client_id: Option<Uuid>,
}

/// Keeps it until its time. What could not be sent now is refused now; whether it can be sent then is judged then.
pub async fn schedule(
    core: &Core,
    caller: Caller,
    input: ScheduleInput<'_>,
) -> Result<ScheduleId, ScheduleError> {
    if let Some(id) = known(core, caller, input.client_id).await? {
        return Ok(id);
    }
    let now = core.now();
    let latest = now.plus(Duration::from_secs(MAX_DAYS_AHEAD * 24 * 3600));
    if input.when <= now || input.when > latest {
        return Err(ScheduleError::When);
    }
    let send = SendInput {
        to: input.to,
        payload: input.payload,
        client_id: None,
    };
    messages::check(core, caller, &send).await?;
    let new = NewScheduled {
        uid: caller.uid,
        device: caller.device,
        client_id: input.client_id,
        due: input.when,
        to: Addressee::from(input.to),
        payload: input.payload.get(),
    };
    let tx = core.store.db.begin().await?;
    if scheduled::count(&tx, caller.uid).await? >= MAX_PENDING {
        return Err(ScheduleError::TooMany);
    }
    match scheduled::insert(&tx, &core.store.keys, new, now).await {
        Ok(id) => {
            tx.commit()
                .await
                .map_err(melo_storage::StorageError::from)?;
            Ok(id)
        }
        // The same call at the same moment was a little faster.
        Err(error) if error.is_unique_violation() => {
            drop(tx);
            let known = known(core, caller, input.client_id).await?;
            known.ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn known(
    core: &Core,
    caller: Caller,
    client_id: Option<Uuid>,
) -> Result<Option<ScheduleId>, ScheduleError> {
    let Some(client_id) = client_id else {
        return Ok(None);
    };
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = scheduled::by_client_id(db, keys, caller.device, client_id).await?;
    Ok(found.map(|found| found.id))
}
