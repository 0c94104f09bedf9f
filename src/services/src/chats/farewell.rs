//! What becomes of a person's chats when their account is deleted.

use melo_domain::{LogId, Uid};
use melo_storage::{DatabaseTransaction, chat_members};

use super::change::begin_in;
use super::people::Left;
use super::{ChatError, Told};
use crate::Core;

/// Takes a person out of all their chats, in the transaction that deletes their account. What they own goes to the
/// admin who has been there longest, else to the member who has, else it is deleted.
pub(crate) async fn farewell(
    core: &Core,
    mut tx: DatabaseTransaction,
    uid: Uid,
) -> Result<(DatabaseTransaction, Vec<Told>), ChatError> {
    let most = u64::from(u32::MAX);
    let chats = chat_members::of_person(&tx, uid, None, 0, most).await?;
    let mut all = Vec::with_capacity(chats.len());
    for chat in chats {
        let told;
        (tx, told) = leave_one(core, tx, chat.log, uid).await?;
        all.push(told);
    }
    Ok((tx, all))
}

async fn leave_one(
    core: &Core,
    tx: DatabaseTransaction,
    log: LogId,
    uid: Uid,
) -> Result<(DatabaseTransaction, Told), ChatError> {
    let mut change = begin_in(core, tx, log, uid).await?;
    if change.chat.owner != uid {
        change.part(uid, Left::Deleted).await?;
        return Ok(change.finish().await?);
    }
    match chat_members::heir(&change.tx, &core.store.keys, log).await? {
        Some(heir) => {
            change.give_to(heir).await?;
            change.part(uid, Left::Deleted).await?;
        }
        None => change.dissolve().await?,
    }
    Ok(change.finish().await?)
}
