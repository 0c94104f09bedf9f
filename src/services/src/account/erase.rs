//! Deletes an account: by its owner, or by an admin who has been let in before.

use melo_domain::{ContactStatus, DeviceHandle, EventKind, LogId, Role, Uid};
use melo_protocol::CloseCode;
use melo_storage::admin::people as people_rows;
use melo_storage::sessions::Which;
use melo_storage::{ConnectionTrait, StorageError, accounts, contacts, devices, erasure};
use serde::Serialize;
use serde_json::json;

use super::AccountError;
use crate::audit::{self, Action, Object};
use crate::chats::{self, ChatError};
use crate::fault::in_turn;
use crate::notices::{self, Notice, Recipient};
use crate::{Core, Fault, Origin, people, presence, sessions};

/// More devices than anybody has.
const MAX_DEVICES: u64 = 100_000;

#[derive(Serialize)]
struct Members {
    user_id: Uid,
    chat_log: LogId,
}

/// Deletes everything of `uid` in one transaction, tells contacts and chats, and ends the sessions. What was written to
/// others stays theirs to read. The id is never given out again. The last owner stays.
/// `reason` is an admin's, for the audit log.
pub async fn erase(
    core: &Core,
    origin: &Origin,
    actor: Uid,
    uid: Uid,
    reason: Option<&str>,
) -> Result<(), AccountError> {
    in_turn(|| attempt(core, origin, actor, uid, reason)).await
}

async fn attempt(
    core: &Core,
    origin: &Origin,
    actor: Uid,
    uid: Uid,
    reason: Option<&str>,
) -> Result<(), AccountError> {
    let keys = &core.store.keys;
    // No position of the devices is written after their rows are gone.
    let paused = core.cursors.pause().await;
    let tx = core.store.db.begin().await?;
    // The owners first, and in one order: two of them may leave at once.
    let owners = people_rows::hold_role(&tx, Role::Owner).await?;
    if accounts::hold_standing(&tx, uid).await?.is_none() {
        return Err(AccountError::UserNotFound);
    }
    if owners == [uid] {
        return Err(AccountError::LastOwner);
    }
    let own_devices = devices::of_person(&tx, keys, uid, MAX_DEVICES).await?;
    let own_devices: Vec<DeviceHandle> = own_devices.iter().map(|d| d.handle).collect();
    let ended = sessions::end(&tx, uid, Which::All).await?;
    let (tx, chats) = chats::farewell(core, tx, uid).await.map_err(fault)?;
    let (peers, told) = farewell(core, &tx, uid).await?;
    erasure::erase(&tx, keys, uid).await?;
    let (actor, object) = (Some(actor), Object::User(uid));
    let action = Action::AccountDelete;
    let details = json!({ "reason": reason });
    audit::record(core, &tx, origin, actor, action, object, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;

    paused.forget(&own_devices);
    drop(paused);
    core.caches.devices.invalidate(&uid);
    presence::forget(core, uid).await;
    people::changed(core, uid, &peers);
    sessions::tell(core, ended, CloseCode::SessionRevoked);
    for chat in chats {
        chat.publish(core).await;
    }
    notices::publish(core, told);
    Ok(())
}

/// Whatever refuses here is nothing that the caller has done.
fn fault(error: ChatError) -> Fault {
    match error {
        ChatError::Fault(fault) => fault,
        _ => StorageError::Corrupt("membership without a chat").into(),
    }
}

/// Tells each contact. Their clients forget the keys, and let nobody write into the conversation.
async fn farewell(
    core: &Core,
    tx: &impl ConnectionTrait,
    uid: Uid,
) -> Result<(Vec<Uid>, Vec<Notice>), StorageError> {
    let relations = contacts::all(tx, &core.store.keys, uid).await?;
    let accepted: Vec<(Uid, LogId)> = relations
        .iter()
        .filter(|(contact, _)| contact.status == ContactStatus::Accepted)
        .filter_map(|(contact, _)| Some((contact.peer, contact.log?)))
        .collect();
    let peers: Vec<Uid> = accepted.iter().map(|(peer, _)| *peer).collect();
    let private_logs = accounts::private_logs(tx, &peers).await?;
    let mut told = Vec::with_capacity(peers.len());
    for (peer, private_log) in private_logs {
        let conversation = accepted.iter().find(|(one, _)| *one == peer);
        let Some((_, chat_log)) = conversation else {
            continue;
        };
        let members = Members {
            user_id: uid,
            chat_log: *chat_log,
        };
        let recipient = Recipient {
            uid: peer,
            private_log,
        };
        let kind = EventKind::AccountDeleted;
        told.push(notices::append(core, tx, recipient, kind, uid, &members).await?);
    }
    Ok((peers, told))
}
