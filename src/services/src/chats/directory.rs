//! The key directory of a chat: which devices its members have.

use std::collections::HashMap;

use melo_domain::{ChatAction, LogId, Uid};
use melo_storage::devices::PublishedDevice;
use melo_storage::{chat_members, devices, directory};

use super::{ChatError, room_of};
use crate::keys::Directory;
use crate::{Caller, Core};

/// The directory entries of the members after `after`, in the order of their ids, in a constant number of queries.
pub async fn key_directory(
    core: &Core,
    caller: Caller,
    log: LogId,
    after: Option<Uid>,
    limit: u64,
) -> Result<Vec<(Uid, Directory)>, ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::Read)?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let page = chat_members::page(db, keys, log, after, limit).await?;
    let uids: Vec<Uid> = page.iter().map(|(member, _)| member.uid).collect();
    let mut published: HashMap<Uid, Vec<PublishedDevice>> = HashMap::new();
    for device in devices::published(db, keys, &uids).await? {
        published.entry(device.uid).or_default().push(device);
    }
    let entries = directory::of(db, keys, &uids).await?;
    let entry = |found: directory::DirectoryEntry| {
        let entry = Directory {
            identity_key: found.identity_key,
            version: found.version,
            devices: published.remove(&found.uid).unwrap_or_default(),
        };
        (found.uid, entry)
    };
    Ok(entries.into_iter().map(entry).collect())
}
