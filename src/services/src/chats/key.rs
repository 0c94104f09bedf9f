//! A chat's keys: made on a member's device, wrapped for every device of every member, and passed on here. The server
//! sees for whom a key was wrapped, and refuses messages that somebody could not read, or somebody who was removed
//! still could.

use std::collections::HashMap;
use std::time::Duration;

use melo_domain::{ChatAction, DeviceHandle, EventKind, LogId, MAX_PAYLOAD_BYTES, Timestamp};
use melo_protocol::Envelope;
use melo_realtime::{BusMessage, LiveEvent};
use melo_storage::chat_keys::{self, ChatKey, KeyRef};
use melo_storage::{Appended, NewEvent, StorageError, events};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::ChatError;
use super::room::{GoodKey, Room, room, room_of};
use crate::{Caller, Core};

/// How long a key is used (docs/CRYPTO.md), or half of what the chat keeps, if that is less: so no message outlives
/// the event of its key by much.
const KEY_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A key, or the same one for more devices.
pub struct KeyInput<'a> {
    /// The chat.
    pub log: LogId,
    /// The key envelope.
    pub payload: &'a RawValue,
    /// Makes sending again safe.
    pub client_id: Option<Uuid>,
}

/// Whether a message may be sealed under the key that its envelope names: it must be newer than the last removal and
/// wrapped for every device but the sending one.
pub(crate) async fn good_key(
    core: &Core,
    room: &Room,
    caller: Caller,
    envelope: &Envelope<'_>,
) -> Result<GoodKey, ChatError> {
    let key_ref = envelope.key_ref().ok_or(ChatError::KeyRefNeeded)?;
    if envelope.kids().next().is_some() {
        return Err(ChatError::KeyRefNeeded);
    }
    let known = room.keys.lock().get(&key_ref).copied();
    let key = match known {
        Some(key) => key,
        None => judge(core, room, caller, &key_ref).await?,
    };
    if is_old(room, key.made, core.now()) {
        return Err(ChatError::StaleKey);
    }
    Ok(key)
}

async fn judge(
    core: &Core,
    room: &Room,
    caller: Caller,
    key_ref: &KeyRef,
) -> Result<GoodKey, ChatError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let key = chat_keys::find(db, keys, room.log, key_ref)
        .await?
        .filter(|key| key.seq >= room.removed_seq)
        .ok_or(ChatError::StaleKey)?;
    let devices = room.devices(core).await?;
    let lacking = devices
        .iter()
        .filter(|known| key.devices.binary_search(&known.device).is_err());
    let mut sending_lacks = false;
    let mut missing = Vec::new();
    for known in lacking {
        if known.device == caller.device {
            sending_lacks = true;
        } else {
            missing.push(known.kid.to_string());
        }
    }
    if !missing.is_empty() {
        return Err(ChatError::DeviceMismatch {
            missing,
            extra: Vec::new(),
        });
    }
    let good = GoodKey {
        seq: key.seq,
        made: key.made,
    };
    // Good for this device is not good for the others, if it does not have it.
    if !sending_lacks {
        room.keys.lock().insert(*key_ref, good);
    }
    Ok(good)
}

fn is_old(room: &Room, made: Timestamp, now: Timestamp) -> bool {
    let half = Duration::from_secs(room.retention / 2);
    let life = if room.retention > 0 {
        KEY_LIFE.min(half)
    } else {
        KEY_LIFE
    };
    made.plus(life) <= now
}

/// Writes a key event: the first of a key makes it known, later ones add devices to it.
pub async fn share_key(
    core: &Core,
    caller: Caller,
    input: KeyInput<'_>,
) -> Result<Appended, ChatError> {
    if input.payload.get().len() > MAX_PAYLOAD_BYTES {
        return Err(ChatError::TooLarge);
    }
    let envelope = Envelope::parse(input.payload).ok_or(ChatError::KeysNeeded)??;
    let key_ref = envelope.key_ref().ok_or(ChatError::KeysNeeded)?;
    let room = room_of(core, caller.uid, input.log).await?;
    room.allow(caller.uid, ChatAction::Write)?;
    let wrapped_for = devices_of(core, &room, &envelope).await?;
    let new = NewEvent {
        device: Some(caller.device),
        client_id: input.client_id,
        ..NewEvent::new(
            room.log,
            EventKind::ChatKey,
            caller.uid,
            format!(r#"{{"payload":{}}}"#, input.payload.get()),
        )
    };
    let (keys, now) = (&core.store.keys, core.now());
    let tx = core.store.db.begin().await?;
    if let Some(first) = earlier(core, &tx, caller, &input).await? {
        return Ok(first);
    }
    // The lock on the log that appending takes keeps two parts of one key apart.
    let event = events::append(&tx, keys, new, now).await?;
    match chat_keys::find(&tx, keys, room.log, &key_ref).await? {
        None => {
            let key = ChatKey {
                log: room.log,
                key_ref,
                seq: event.seq,
                sender: caller.uid,
                device: caller.device,
                made: event.at,
                devices: wrapped_for,
            };
            chat_keys::insert(&tx, keys, &key).await?;
        }
        Some(key) => {
            let is_past = key.seq < room.removed_seq || is_old(&room, key.made, now);
            if is_past {
                may_share_past(&room, caller)?;
            }
            let mut all = key.devices;
            all.extend(wrapped_for);
            all.sort_unstable();
            all.dedup();
            chat_keys::set_devices(&tx, keys, room.log, &key_ref, &all).await?;
        }
    }
    if !melo_storage::logs::is_member(&tx, room.log, caller.uid).await? {
        return Err(ChatError::NotAMember);
    }
    tx.commit().await.map_err(StorageError::from)?;
    let appended = Appended {
        log: event.log,
        seq: event.seq,
        at: event.at,
    };
    publish(core, room.log, event).await?;
    Ok(appended)
}

/// Earlier keys are for new members of a chat that shares its history, from those who run it.
fn may_share_past(room: &Room, caller: Caller) -> Result<(), ChatError> {
    if !room.share_history {
        return Err(ChatError::StaleKey);
    }
    room.allow(caller.uid, ChatAction::ChangeRules).map(drop)
}

/// The devices an envelope's keys are for; all of them must be members'.
async fn devices_of(
    core: &Core,
    room: &Room,
    envelope: &Envelope<'_>,
) -> Result<Vec<DeviceHandle>, ChatError> {
    let known: HashMap<&str, DeviceHandle> = room
        .devices(core)
        .await?
        .iter()
        .map(|known| (known.kid.as_ref(), known.device))
        .collect();
    let mut devices = Vec::new();
    let mut extra = Vec::new();
    for kid in envelope.kids() {
        match known.get(kid) {
            Some(device) => devices.push(*device),
            None => extra.push(kid.to_owned()),
        }
    }
    if !extra.is_empty() {
        return Err(ChatError::DeviceMismatch {
            missing: Vec::new(),
            extra,
        });
    }
    if devices.is_empty() {
        return Err(ChatError::KeysNeeded);
    }
    devices.sort_unstable();
    devices.dedup();
    Ok(devices)
}

/// The same key event, if this device has sent it before.
async fn earlier(
    core: &Core,
    tx: &impl melo_storage::ConnectionTrait,
    caller: Caller,
    input: &KeyInput<'_>,
) -> Result<Option<Appended>, ChatError> {
    let Some(client_id) = input.client_id else {
        return Ok(None);
    };
    let first = events::by_client_id(tx, &core.store.keys, caller.device, client_id).await?;
    match first {
        Some(first) if first.log != input.log => Err(ChatError::ClientIdReused),
        Some(first) => Ok(Some(Appended {
            log: first.log,
            seq: first.seq,
            at: first.at,
        })),
        None => Ok(None),
    }
}

/// Tells the members, as they are now, of an event that a service has written in a transaction of its own.
pub(crate) async fn publish(
    core: &Core,
    log: LogId,
    event: melo_domain::LogEvent,
) -> Result<(), ChatError> {
    let room = room(core, log).await?;
    core.bus.publish(BusMessage::Event {
        event: std::sync::Arc::new(LiveEvent::new(event, room.kind)),
        audience: std::sync::Arc::clone(&room.members),
    });
    Ok(())
}
