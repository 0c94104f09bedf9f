//! What happens to a message after it was sent: edited, deleted for everybody, pinned, reacted to. Each is an event of
//! the same log, and reaches devices as messages do.

use melo_domain::{ChatAction, ChatRole, EventKind, MAX_PAYLOAD_BYTES, MessageId, Uid};
use melo_storage::events::{self, Header};
use melo_storage::{Guard, NewEvent, StorageError, Target, changes, chat_members, pins};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::route::{self, Route};
use super::send::{append, seal_check};
use super::{Accepted, Destination, MessageError, earlier};
use crate::chats::{ChatError, Room};
use crate::{Caller, Core};

/// The longest reaction that is a plain string, in bytes.
pub const MAX_REACTION_BYTES: usize = 64;
/// Edits of one message.
const MAX_EDITS: u64 = 200;
/// Reactions of one person to one message, those taken back among them.
const MAX_OWN_REACTIONS: u64 = 50;
/// Reactions of all to one message.
const MAX_REACTIONS: u64 = 2000;
/// Messages that are pinned at once in one conversation.
const MAX_PINS: u64 = 100;

/// What is done to a message.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// It has this content now.
    Edit(&'a RawValue),
    /// It is gone for everybody.
    Delete,
    /// It is pinned.
    Pin,
    /// It is pinned no longer.
    Unpin,
    /// Somebody's reaction, in plain; an empty one takes it back.
    React(&'a str),
    /// Somebody's reaction, sealed.
    ReactSealed(&'a RawValue),
}

impl<'a> Change<'a> {
    fn kind(self) -> EventKind {
        match self {
            Self::Edit(_) => EventKind::Edit,
            Self::Delete => EventKind::Delete,
            Self::Pin | Self::Unpin => EventKind::Pin,
            Self::React(_) | Self::ReactSealed(_) => EventKind::Reaction,
        }
    }

    /// What must be allowed before the message is looked at.
    fn action(self) -> ChatAction {
        match self {
            Self::Edit(_) => ChatAction::ChangeOwnMessage,
            Self::Delete => ChatAction::Read,
            Self::Pin | Self::Unpin => ChatAction::Pin,
            Self::React(_) | Self::ReactSealed(_) => ChatAction::React,
        }
    }

    fn sealed(self) -> Option<&'a RawValue> {
        match self {
            Self::Edit(payload) | Self::ReactSealed(payload) => Some(payload),
            _ => None,
        }
    }

    fn target(self, id: MessageId) -> Target {
        match self {
            Self::Edit(_) | Self::React(_) | Self::ReactSealed(_) => Target::Changes(id.seq),
            Self::Delete => Target::Erases(id.seq),
            Self::Pin => Target::Pins(id.seq),
            Self::Unpin => Target::Unpins(id.seq),
        }
    }

    /// The event's body.
    fn body(self, id: MessageId) -> Result<String, StorageError> {
        Ok(match self {
            Self::Edit(payload) | Self::ReactSealed(payload) => {
                format!(r#"{{"message_id":"{id}","payload":{}}}"#, payload.get())
            }
            Self::Delete => format!(r#"{{"message_id":"{id}"}}"#),
            Self::Pin => format!(r#"{{"message_id":"{id}","pinned":true}}"#),
            Self::Unpin => format!(r#"{{"message_id":"{id}","pinned":false}}"#),
            Self::React(text) => {
                let text =
                    serde_json::to_string(text).map_err(|_| StorageError::Corrupt("reaction"))?;
                format!(r#"{{"message_id":"{id}","reaction":{text}}}"#)
            }
        })
    }
}

/// A change of a message.
#[derive(Debug, Clone, Copy)]
pub struct ChangeInput<'a> {
    /// The conversation.
    pub to: Destination,
    /// The message.
    pub message_id: MessageId,
    /// What is done to it.
    pub change: Change<'a>,
    /// Makes sending again safe.
    pub client_id: Option<Uuid>,
}

/// Checks the change and puts it into the log writer's queue.
pub async fn change(
    core: &Core,
    caller: Caller,
    input: ChangeInput<'_>,
) -> Result<Accepted, MessageError> {
    check_size(input.change)?;
    match attempt(core, caller, &input).await {
        Ok(accepted) => Ok(accepted),
        // It may be refused now because it was done before.
        Err(refusal) => earlier::answer_or(core, caller, input.to, input.client_id, refusal).await,
    }
}

async fn attempt(
    core: &Core,
    caller: Caller,
    input: &ChangeInput<'_>,
) -> Result<Accepted, MessageError> {
    let (id, change) = (input.message_id, input.change);
    let route = route::find(core, caller.uid, input.to, change.action()).await?;
    let guard = judge(core, caller, &route, input).await?;
    let event = NewEvent {
        device: Some(caller.device),
        client_id: input.client_id,
        target: Some(change.target(id)),
        expires: change.sealed().and_then(|_| route.expiry(core.now())),
        guard,
        ..NewEvent::new(route.log(), change.kind(), caller.uid, change.body(id)?)
    };
    append(core, &route, event, input.to).await
}

fn check_size(change: Change<'_>) -> Result<(), MessageError> {
    match change {
        Change::Edit(payload) | Change::ReactSealed(payload)
            if payload.get().len() > MAX_PAYLOAD_BYTES =>
        {
            Err(MessageError::TooLarge)
        }
        Change::React(text) if text.len() > MAX_REACTION_BYTES => {
            Err(MessageError::ReactionTooLong)
        }
        _ => Ok(()),
    }
}

/// Whether the caller may do it; what that was judged by.
async fn judge(
    core: &Core,
    caller: Caller,
    route: &Route,
    input: &ChangeInput<'_>,
) -> Result<Option<Guard>, MessageError> {
    let (id, change) = (input.message_id, input.change);
    if id.log != route.log() {
        return Err(MessageError::NotFound);
    }
    let target = target(core, caller.uid, route, id).await?;
    let is_own = target.sender == caller.uid;
    match (change, route) {
        (Change::Edit(_), _) | (Change::Delete, Route::Direct(_)) if !is_own => {
            return Err(MessageError::NotTheAuthor);
        }
        (Change::Edit(_), _) if target.kind != EventKind::Message => {
            return Err(MessageError::NotFound);
        }
        (Change::Delete, Route::Chat(room)) => may_delete(room, caller.uid, target.sender)?,
        _ => {}
    }
    bound(core, caller.uid, id, change).await?;
    match (change.sealed(), route) {
        (Some(payload), _) => seal_check(core, caller, route, input.to, payload).await,
        (None, Route::Chat(room)) => Ok(Some(room.guard(None))),
        (None, Route::Direct(_)) => Ok(None),
    }
}

fn may_delete(room: &Room, uid: Uid, author: Uid) -> Result<(), ChatError> {
    if author == uid {
        return room.allow(uid, ChatAction::ChangeOwnMessage).map(drop);
    }
    // Who is no longer there ranks as a member.
    let rank = room.role(author).unwrap_or(ChatRole::Member);
    room.allow_on(uid, ChatAction::DeleteOthersMessage, rank)
}

/// The message, if the caller can see it and it is still there.
async fn target(
    core: &Core,
    uid: Uid,
    route: &Route,
    id: MessageId,
) -> Result<Header, MessageError> {
    let db = core.store.db.read();
    let header = events::header(db, id.log, id.seq).await?;
    let header = header
        .filter(|header| matches!(header.kind, EventKind::Message | EventKind::Relayed))
        .ok_or(MessageError::NotFound)?;
    if let Route::Chat(room) = route {
        let member = chat_members::find(db, room.log, uid).await?;
        let member = member.ok_or(MessageError::NotAMember)?;
        if id.seq < member.from_seq {
            return Err(MessageError::NotFound);
        }
    }
    Ok(header)
}

/// So many changes, and no more: histories show what became of each message.
async fn bound(
    core: &Core,
    uid: Uid,
    id: MessageId,
    change: Change<'_>,
) -> Result<(), MessageError> {
    let db = core.store.db.read();
    let (edits, reacts) = (
        matches!(change, Change::Edit(_)),
        matches!(change, Change::React(_) | Change::ReactSealed(_)),
    );
    let full = if edits || reacts {
        let counts = changes::count(db, id.log, id.seq, uid).await?;
        (edits && counts.edits >= MAX_EDITS)
            || (reacts
                && (counts.own_reactions >= MAX_OWN_REACTIONS || counts.reactions >= MAX_REACTIONS))
    } else {
        matches!(change, Change::Pin) && pins::count_others(db, id.log, id.seq).await? >= MAX_PINS
    };
    if full {
        Err(MessageError::TooManyChanges)
    } else {
        Ok(())
    }
}
