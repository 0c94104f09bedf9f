//! Title, description and rules of a chat.

use melo_domain::{ChatAction, ChatDescription, ChatTitle, EventKind, LogId, Uid};
use melo_storage::chats::{self, ChatUpdate};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ChatError;
use super::change::begin;
use crate::fault::in_turn;
use crate::{Caller, Core};

/// What is to be changed; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ChatChange {
    /// Personal.
    pub title: Option<ChatTitle>,
    /// Personal. An empty one takes it away.
    pub description: Option<ChatDescription>,
    /// Seconds a member waits between two messages.
    pub slow_mode: Option<u32>,
    /// Seconds a message lives; 0: as long as the chat keeps it.
    pub disappearing: Option<u64>,
    /// Seconds that events are kept; 0: as long as the server keeps them.
    pub retention: Option<u64>,
    /// Whether new members read what was before them.
    pub share_history: Option<bool>,
    /// Whether who joins by a code waits to be let in.
    pub by_request: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct ChatChanged {
    by: Uid,
    changes: Value,
}

/// What an event says of a change.
pub(super) fn changes(by: Uid, changes: Value) -> ChatChanged {
    ChatChanged { by, changes }
}

/// Changes the chat, and tells the members what is another than before.
pub async fn update(
    core: &Core,
    caller: Caller,
    log: LogId,
    wanted: &ChatChange,
) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, log, wanted)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    log: LogId,
    wanted: &ChatChange,
) -> Result<(), ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    if wanted.title.is_some() || wanted.description.is_some() {
        change.allow(ChatAction::ChangeInfo).await?;
    }
    // With nothing to change the right to is asked for all the same.
    change.allow(ChatAction::ChangeRules).await?;
    let chat = &change.chat;
    let mut told = Map::new();
    let mut update = ChatUpdate::default();
    if let Some(title) = wanted.title.as_ref().map(ChatTitle::as_str)
        && title != chat.title
    {
        told.insert("title".to_owned(), json!(title));
        update.title = Some(title.to_owned());
    }
    if let Some(text) = &wanted.description {
        let text = Some(text.as_str().to_owned()).filter(|text| !text.is_empty());
        if text != chat.description {
            told.insert("description".to_owned(), json!(text));
            update.description = Some(text);
        }
    }
    macro_rules! rule {
        ($($field:ident as $name:literal),* $(,)?) => {$(
            if let Some(value) = wanted.$field.filter(|value| *value != chat.$field) {
                told.insert($name.to_owned(), json!(value));
                update.$field = Some(value);
            }
        )*};
    }
    rule!(
        slow_mode as "slow_mode_seconds",
        disappearing as "disappearing_seconds",
        retention as "retention_seconds",
        share_history as "share_history",
        by_request as "by_request",
    );
    if told.is_empty() {
        return Ok(());
    }
    chats::update(&change.tx, &core.store.keys, log, &update).await?;
    let told = changes(caller.uid, Value::Object(told));
    change.append(EventKind::ChatChanged, &told).await?;
    change.commit().await
}
