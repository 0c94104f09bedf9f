//! What a public chat is, for whoever has its code.

use std::net::IpAddr;

use melo_crypto::TokenHash;
use melo_storage::chat_invites;
use melo_storage::chats::{self, Chat};

use super::ChatError;
use crate::Core;
use crate::limits::{self, Limit};

/// The public chat with this code. An invite of a private chat says nothing about it.
pub async fn look_up(core: &Core, address: IpAddr, code: &str) -> Result<Chat, ChatError> {
    limits::take(core, Limit::InviteLook, address).await?;
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let invite = chat_invites::find(db, keys, &TokenHash::of(code)).await?;
    let invite = invite.filter(|invite| invite.public);
    let invite = invite.ok_or(ChatError::NotFound)?;
    let chat = chats::find(db, keys, invite.chat).await?;
    chat.filter(|chat| chat.is_public)
        .ok_or(ChatError::NotFound)
}
