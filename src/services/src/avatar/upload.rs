//! Sets one's own picture.

use std::sync::Arc;

use bytes::Bytes;
use melo_storage::avatars::{self, Avatar};
use melo_storage::{StorageError, accounts};
use serde_json::json;
use tokio::sync::Semaphore;

use super::picture::{Picture, normalise};
use super::{AvatarError, MAX_UPLOAD};
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::{Caller, Core, Fault, Origin};

/// Pictures waiting for their turn, at most: each holds a file of up to 2 MiB.
const MAX_WAITING: usize = 16;

/// Decodes and encodes pictures off the event loop, one at a time: each may take a few hundred megabytes.
pub(crate) struct Workshop {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Workshop {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }
}

impl Workshop {
    /// Makes a picture of a file, once it is its turn.
    pub(crate) async fn normalise(&self, file: Bytes) -> Result<Picture, AvatarError> {
        let place = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| AvatarError::Busy)?;
        let turn = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Fault::Task)?;
        let task = tokio::task::spawn_blocking(move || {
            // Held to the end of the work even when the caller has gone away.
            let _held = (place, turn);
            normalise(&file)
        });
        task.await.map_err(|_| Fault::Task)?
    }
}

/// Takes a file, and keeps the picture that is in it in place of an earlier one.
pub async fn upload(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    file: Bytes,
) -> Result<(), AvatarError> {
    limits::take(core, Limit::Upload, caller.uid).await?;
    if file.len() > MAX_UPLOAD {
        return Err(AvatarError::TooLarge);
    }
    let picture = core.workshop.normalise(file).await?;
    let avatar = Avatar {
        image: picture.bytes,
        mime: picture.mime.to_owned(),
        updated: core.now(),
    };
    let tx = core.store.db.begin().await?;
    if accounts::hold_standing(&tx, caller.uid).await?.is_none() {
        return Err(AvatarError::None);
    }
    avatars::set(&tx, &core.store.keys, caller.uid, &avatar).await?;
    let (actor, object) = (Some(caller.uid), Object::User(caller.uid));
    let details = json!({ "set": true });
    let action = Action::AvatarUpdate;
    audit::record(core, &tx, origin, actor, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    Ok(())
}
