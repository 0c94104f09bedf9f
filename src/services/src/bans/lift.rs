//! Lifts a ban.

use melo_domain::AdminAction;
use melo_storage::{StorageError, bans};
use serde_json::json;

use super::BanError;
use super::add::note;
use crate::audit::Action;
use crate::{Caller, Core, Origin, admin};

/// Lifts the ban with this id.
pub async fn lift(core: &Core, caller: Caller, origin: &Origin, id: i64) -> Result<(), BanError> {
    admin::authorize(core, caller, AdminAction::Ban, None).await?;
    let tx = core.store.db.begin().await?;
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
    core.bans.forget().await;
    Ok(())
}
