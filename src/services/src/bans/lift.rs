//! Lifts a ban.

use melo_domain::AdminAction;
use melo_realtime::BusMessage;
use melo_storage::{StorageError, bans};
use serde_json::json;

use super::BanError;
use super::add::note;
use crate::admin::authorize_on;
use crate::audit::Action;
use crate::{Caller, Core, Origin};

/// Lifts the ban with this id.
pub async fn lift(core: &Core, caller: Caller, origin: &Origin, id: i64) -> Result<(), BanError> {
    let tx = core.store.db.begin().await?;
    authorize_on(core, &tx, caller, AdminAction::Ban, None).await?;
    if !bans::remove(&tx, id).await? {
        return Err(BanError::NotFound);
    }
    note(
        core,
        &tx,
        origin,
        caller,
        Action::AdminUnban,
        id,
        &json!({}),
    )
    .await?;
    tx.commit().await.map_err(StorageError::from)?;
    core.bus.publish(BusMessage::BansChanged);
    Ok(())
}
