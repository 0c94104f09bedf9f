//! A person's devices, for those who may write to them.

use melo_domain::{ContactStatus, Uid};
use melo_storage::devices::{self, PublishedDevice};
use melo_storage::requests::UNANSWERED;
use melo_storage::{accounts, chat_members, contacts};

use super::KeyError;
use crate::limits::{self, Limit};
use crate::{Caller, Core};

/// A person's entry.
pub struct Directory {
    /// Absent while no device of the new kind has published it.
    pub identity_key: Option<Vec<u8>>,
    /// Rises with each change.
    pub version: u64,
    /// Signed devices.
    pub devices: Vec<PublishedDevice>,
}

/// The directory entry of `uid`: one's own, a contact's, of somebody in the same chat, or of somebody with whom a
/// request is open, so that safety numbers can be compared before accepting.
pub async fn fetch(core: &Core, caller: Caller, uid: Uid) -> Result<Directory, KeyError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let account = accounts::find(db, keys, uid).await?;
    if uid != caller.uid && !related(core, caller.uid, uid).await? {
        // Before it is said whether there is such a person, as for profiles.
        limits::take(core, Limit::Stranger, caller.uid).await?;
        let known = account.map(|_| KeyError::NotAContact);
        return Err(known.unwrap_or(KeyError::UserNotFound));
    }
    let account = account.ok_or(KeyError::UserNotFound)?;
    let devices = devices::published(db, keys, &[uid]).await?;
    Ok(Directory {
        identity_key: account.identity_key,
        version: account.directory_version,
        devices,
    })
}

async fn related(core: &Core, one: Uid, other: Uid) -> Result<bool, KeyError> {
    let db = core.store.db.read();
    let asked = contacts::find(db, one, other).await?;
    // Who asked and was refused is not to notice it here either.
    let open = |status| status == ContactStatus::Accepted || UNANSWERED.contains(&status);
    if asked.is_some_and(|c| open(c.status)) {
        return Ok(true);
    }
    let theirs = contacts::find(db, other, one).await?;
    let open = |status| {
        matches!(
            status,
            ContactStatus::Accepted | ContactStatus::Pending | ContactStatus::Held
        )
    };
    Ok(
        theirs.is_some_and(|c| open(c.status))
            || chat_members::share_a_chat(db, one, other).await?,
    )
}
