//! The groups and channels that a person is in, asks to come into, or was asked to.

use std::collections::HashMap;

use melo_domain::{ChatId, LogId, Uid};
use melo_storage::chat_lists::{self, ChatList};
use melo_storage::chats::Chat;
use melo_storage::{StorageError, chat_members, chats};
use serde_json::{Value, json};

use super::archive::Archive;
use super::content::{Written, json_file};
use crate::Core;

/// More than anybody has.
const MOST: u64 = 100_000;
/// Chats looked up at once.
const CHUNK: usize = 200;

/// Writes them. Who else is in a chat is not the person's.
pub(super) async fn write(core: &Core, uid: Uid, archive: &Archive) -> Written {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let found = chat_members::of_person(db, uid, None, 0, MOST).await?;
    let since = chat_members::joined(db, keys, uid).await?;
    let ids: Vec<LogId> = found.iter().map(|chat| chat.log).collect();
    let chats = chats_of(core, &ids).await?;
    let listed = found.iter().filter_map(|membership| {
        let chat = chats.get(&membership.log)?;
        Some(json!({
            "chat_id": ChatId(chat.log),
            "type": chat.kind.chat_type(),
            "title": chat.title,
            "description": chat.description,
            "role": membership.role.as_str(),
            "joined_at": since.get(&chat.log),
        }))
    });
    json_file(archive, "chats.json", &listed.collect::<Vec<_>>()).await?;
    let mut waiting = serde_json::Map::new();
    for (name, list) in [
        ("requests", ChatList::Requests),
        ("invitations", ChatList::Invitations),
    ] {
        let entries = chat_lists::of_person(db, keys, list, uid, MOST).await?;
        let entries = entries.iter().map(|entry| {
            json!({
                "chat_id": ChatId(entry.chat),
                "by": entry.by,
                "created_at": entry.created,
            })
        });
        waiting.insert(name.to_owned(), Value::Array(entries.collect()));
    }
    json_file(archive, "chat_requests.json", &waiting).await
}

async fn chats_of(core: &Core, ids: &[LogId]) -> Result<HashMap<LogId, Chat>, StorageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let mut all = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        all.extend(chats::by_ids(db, keys, chunk).await?);
    }
    Ok(all)
}
