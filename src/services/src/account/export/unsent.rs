//! What the person has written and not sent: drafts, and messages that wait for their time.

use melo_domain::{ChatId, Uid};
use melo_storage::scheduled::Addressee;
use melo_storage::{StorageError, drafts, scheduled};
use serde_json::json;
use serde_json::value::RawValue;

use super::archive::Archive;
use super::content::{Written, json_file, push_line};
use crate::Core;

fn raw(text: &str) -> Result<Box<RawValue>, StorageError> {
    RawValue::from_string(text.to_owned()).map_err(|_| StorageError::Corrupt("stored JSON"))
}

fn addressee(to: Addressee) -> (Option<Uid>, Option<ChatId>) {
    match to {
        Addressee::Person(uid) => (Some(uid), None),
        Addressee::Chat(log) => (None, Some(ChatId(log))),
    }
}

/// Payloads as they are stored: ciphertext stays ciphertext.
pub(super) async fn write(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let mut listed = Vec::new();
    for draft in drafts::of_person(db, keys, uid).await? {
        let (target, chat) = addressee(draft.to);
        let payload = raw(&draft.payload)?;
        listed.push(
            json!({"target_id": target, "chat_id": chat, "at": draft.at, "payload": payload}),
        );
    }
    json_file(archive, "drafts.json", &listed).await?;
    archive.file("scheduled.jsonl").await?;
    for waiting in scheduled::of_person(db, keys, uid).await? {
        // One may have been sent since.
        let Some((one, payload)) = scheduled::find(db, keys, waiting.id).await? else {
            continue;
        };
        let (target, chat) = addressee(one.to);
        let line = json!({
            "schedule_id": one.id,
            "target_id": target,
            "chat_id": chat,
            "when": one.due,
            "created_at": one.created,
            "device": one.device,
            "data": raw(&payload)?,
        });
        let mut lines = Vec::new();
        push_line(&mut lines, &line)?;
        archive.bytes(lines).await?;
    }
    Ok(())
}
