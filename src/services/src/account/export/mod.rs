//! A person takes their data with them: everything that is kept of them, as one archive that is written while
//! it is sent. At no time is it a file of the server's, or whole in memory.

mod archive;
mod chats;
mod content;
mod unsent;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::AccountError;
use crate::access::{self, Credentials};
use crate::audit::{self, Action, Object};
use crate::limits::{self, Limit};
use crate::{Caller, Core, Origin};

/// Archives written at once: each takes a thread and some hundred kilobytes.
pub(crate) const MAX_EXPORTS: usize = 4;

/// An archive on its way.
#[derive(Debug)]
pub struct Export {
    /// Its bytes, piece by piece. An error means that it stays incomplete.
    pub pieces: mpsc::Receiver<io::Result<Bytes>>,
}

/// Begins an archive of the caller's data, once password and second factor were shown.
pub async fn export(
    core: &Arc<Core>,
    caller: Caller,
    origin: &Origin,
    shown: Credentials,
) -> Result<Export, AccountError> {
    let account = access::show(core, caller, shown).await?;
    limits::take(core, Limit::Export, caller.uid).await?;
    let turn = Arc::clone(&core.exports)
        .try_acquire_owned()
        .map_err(|_| AccountError::Busy)?;
    let (actor, object) = (Some(caller.uid), Object::User(caller.uid));
    audit::record_alone(core, origin, actor, Action::AccountExport, object, &()).await?;
    let (mut archive, pieces) = archive::begin(turn);
    let core = Arc::clone(core);
    tokio::spawn(async move {
        // Left without its end when something fails: then the client's download fails too.
        match content::write(&core, caller, &account, &mut archive).await {
            Ok(()) => archive.end().await,
            Err(content::Stopped::Gone) => {}
            Err(content::Stopped::Failed(cause)) => {
                tracing::error!(%cause, "an export could not be completed");
            }
        }
    });
    Ok(Export { pieces })
}
