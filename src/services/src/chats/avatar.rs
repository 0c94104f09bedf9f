//! A chat's picture.

use bytes::Bytes;
use melo_domain::{ChatAction, EventKind, LogId};
use melo_storage::chats;
use serde_json::json;

use super::change::begin;
use super::update::changes;
use super::{ChatError, room_of};
use crate::avatar::{AvatarError, MAX_UPLOAD, Picture};
use crate::fault::in_turn;
use crate::limits::{self, Limit};
use crate::{Caller, Core};

/// The picture's file and its media type.
pub async fn avatar(
    core: &Core,
    caller: Caller,
    log: LogId,
) -> Result<(Vec<u8>, String), ChatError> {
    room_of(core, caller.uid, log).await?;
    let found = chats::avatar(core.store.db.read(), &core.store.keys, log).await?;
    found.ok_or(ChatError::NoPicture)
}

/// Takes a file, and keeps the picture that is in it in place of an earlier one.
pub async fn set_avatar(
    core: &Core,
    caller: Caller,
    log: LogId,
    file: Bytes,
) -> Result<(), ChatError> {
    let room = room_of(core, caller.uid, log).await?;
    room.allow(caller.uid, ChatAction::ChangeInfo)?;
    limits::take(core, Limit::Upload, caller.uid).await?;
    if file.len() > MAX_UPLOAD {
        return Err(AvatarError::TooLarge.into());
    }
    let picture = core.workshop.normalise(file).await?;
    in_turn(|| attempt(core, caller, log, Some(&picture))).await
}

/// Removes the picture. Without one, nothing changes.
pub async fn remove_avatar(core: &Core, caller: Caller, log: LogId) -> Result<(), ChatError> {
    in_turn(|| attempt(core, caller, log, None)).await
}

async fn attempt(
    core: &Core,
    caller: Caller,
    log: LogId,
    picture: Option<&Picture>,
) -> Result<(), ChatError> {
    let mut change = begin(core, log, caller.uid).await?;
    change.allow(ChatAction::ChangeInfo).await?;
    if picture.is_none() && !change.chat.has_avatar {
        return Ok(());
    }
    let kept = picture.map(|p| (p.bytes.as_slice(), p.mime));
    chats::set_avatar(&change.tx, &core.store.keys, log, kept).await?;
    let told = changes(caller.uid, json!({ "avatar": picture.is_some() }));
    change.append(EventKind::ChatChanged, &told).await?;
    change.commit().await
}
