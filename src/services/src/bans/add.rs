//! Bans an address, a device or a phone number.

use melo_domain::{AdminAction, Banned, Timestamp};
use melo_realtime::BusMessage;
use melo_storage::bans::{self, Ban};
use melo_storage::{ConnectionTrait, StorageError};
use serde_json::json;

use super::BanError;
use super::put_out::{PutOut, put_out};
use crate::admin::authorize_on;
use crate::audit::{self, Action, Object};
use crate::{Caller, Core, Fault, Origin};

/// Longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 500;
/// Two admins who ban the same at once: the second finds the first one's row and replaces it.
const ATTEMPTS: usize = 3;

/// A ban to be.
pub struct NewBan {
    /// What.
    pub banned: Banned,
    /// For other admins; at most [`MAX_REASON_CHARS`].
    pub reason: String,
    /// When it ends by itself, if it does.
    pub expires: Option<Timestamp>,
}

/// Bans, and puts out who is signed in already. A ban of the same value is replaced.
pub async fn add(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    new: &NewBan,
) -> Result<Ban, BanError> {
    let mut attempt = 1;
    let (ban, out) = loop {
        match insert(core, caller, origin, new).await {
            Err(BanError::Fault(Fault::Storage(error)))
                if error.is_unique_violation() && attempt < ATTEMPTS =>
            {
                attempt += 1;
            }
            other => break other?,
        }
    };
    // First of all, so that nobody who is put out comes in again.
    core.bus.publish(BusMessage::BansChanged);
    out.tell(core);
    Ok(ban)
}

async fn insert(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    new: &NewBan,
) -> Result<(Ban, PutOut), BanError> {
    let (keys, now) = (&core.store.keys, core.now());
    let tx = core.store.db.begin().await?;
    let actor = authorize_on(core, &tx, caller, AdminAction::Ban, None).await?;
    let replaced = bans::remove_value(&tx, keys, &new.banned).await?;
    let row = bans::NewBan {
        banned: &new.banned,
        reason: &new.reason,
        created_by: Some(caller.uid),
        created: now,
        expires: new.expires,
    };
    let id = bans::insert(&tx, keys, &row).await?;
    let out = put_out(core, &tx, actor, origin, &new.banned).await?;
    let details = json!({
        "kind": new.banned.kind().as_str(),
        "reason": new.reason,
        "expires": new.expires,
        "replaced": replaced,
        "sessions": out.sessions(),
    });
    note(core, &tx, origin, caller, Action::AdminBan, id, &details).await?;
    tx.commit().await.map_err(StorageError::from)?;
    let ban = Ban {
        id,
        kind: new.banned.kind(),
        value: new.banned.value(),
        reason: new.reason.clone(),
        created_by: Some(caller.uid),
        created: now,
        expires: new.expires,
    };
    Ok((ban, out))
}

pub(super) async fn note(
    core: &Core,
    tx: &impl ConnectionTrait,
    origin: &Origin,
    caller: Caller,
    action: Action,
    id: i64,
    details: &serde_json::Value,
) -> Result<(), StorageError> {
    let actor = Some(caller.uid);
    audit::record(core, tx, origin, actor, action, Object::Ban(id), details).await
}
