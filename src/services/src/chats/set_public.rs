//! Public or private.

use melo_crypto::{BearerToken, random};
use melo_domain::{ChatAction, EventKind, LogId, Secret};
use melo_storage::chat_invites::{self, ChatInvite};
use melo_storage::chats::{self, ChatUpdate};
use serde_json::json;

use super::change::{Change, begin};
use super::{ChatError, update::changes};
use crate::audit::Action;
use crate::fault::in_turn;
use crate::{Caller, Core, Origin};

/// Gives the chat a code that everybody may know, and that is good until the chat is private again; or takes it away.
/// Returns the code.
pub async fn set_public(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    is_public: bool,
) -> Result<Option<Secret>, ChatError> {
    in_turn(|| attempt(core, caller, origin, log, is_public)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    log: LogId,
    is_public: bool,
) -> Result<Option<Secret>, ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    change.allow(ChatAction::SetPublic).await?;
    if change.chat.is_public == is_public {
        let mut codes = chat_invites::public_codes(&change.tx, &core.store.keys, &[log]).await?;
        return Ok(codes.remove(&log));
    }
    let code = if is_public {
        Some(make_public(&change).await?)
    } else {
        chat_invites::remove_public(&change.tx, log).await?;
        None
    };
    let update = ChatUpdate {
        is_public: Some(is_public),
        ..ChatUpdate::default()
    };
    chats::update(&change.tx, &core.store.keys, log, &update).await?;
    let told = changes(caller.uid, json!({ "is_public": is_public }));
    change.append(EventKind::ChatChanged, &told).await?;
    let details = json!({ "public": is_public });
    change.record(origin, Action::ChatPublic, &details).await?;
    change.commit().await?;
    Ok(code)
}

/// Makes the public code.
pub(super) async fn make_public(change: &Change<'_>) -> Result<Secret, ChatError> {
    let invite = ChatInvite {
        public: true,
        uses_left: None,
        expires: None,
        ..new_invite(change)
    };
    chat_invites::insert(&change.tx, &change.core.store.keys, &invite).await?;
    Ok(invite.code)
}

/// An invite with a code of its own.
pub(super) fn new_invite(change: &Change<'_>) -> ChatInvite {
    let (code, _) = BearerToken::generate();
    ChatInvite {
        // Exact in every client's number type.
        id: LogId::from_random(random::u64()).to_i64(),
        chat: change.log(),
        created_by: change.actor,
        code,
        public: false,
        uses: 0,
        uses_left: None,
        expires: None,
        created: change.core.now(),
    }
}
