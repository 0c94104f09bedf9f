//! How long messages of a direct conversation live.

use std::sync::Arc;

use melo_domain::{EventKind, LogKind, Uid};
use melo_realtime::{BusMessage, LiveEvent};
use melo_storage::{NewEvent, StorageError, events, logs};
use serde_json::json;

use super::{MessageError, route};
use crate::{Caller, Core, people};

/// Messages that are written from now on lose their content after so many seconds; 0: they stay. Either of the two may
/// set it, and both are told.
pub async fn set_disappearing(
    core: &Core,
    caller: Caller,
    other: Uid,
    seconds: u64,
) -> Result<(), MessageError> {
    let found = route::direct(core, caller.uid, other).await?;
    let (log, keys) = (found.log, &core.store.keys);
    let tx = core.store.db.begin().await?;
    if logs::disappearing(&tx, log).await? == seconds {
        return Ok(());
    }
    logs::set_disappearing(&tx, log, seconds).await?;
    let payload = json!({"by": caller.uid, "changes": {"disappearing_seconds": seconds}});
    let new = NewEvent::new(log, EventKind::ChatChanged, caller.uid, payload.to_string());
    let event = events::append(&tx, keys, new, core.now()).await?;
    tx.commit().await.map_err(StorageError::from)?;
    // Before anybody is told: what is sent from here on goes by the new rule.
    people::changed(core, caller.uid, &[other]);
    core.bus.publish(BusMessage::Event {
        event: Arc::new(LiveEvent::new(event, LogKind::Direct)),
        audience: found.audience,
    });
    Ok(())
}
