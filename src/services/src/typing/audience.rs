//! Who is to see that somebody is writing.

use std::sync::Arc;
use std::time::Duration;

use melo_domain::{ChatAction, ChatRole, LogId, LogKind, Uid, may_in_chat};
use melo_storage::{blocks, logs};

use super::{Place, TypingError};
use crate::Core;
use crate::messages::{self, MessageError};
use crate::people::privacies_of;

/// In a chat of more people nobody is told who is writing.
const MOST_MEMBERS: usize = 1000;
/// How long it is remembered who is in a chat. Who left sees for so long at most that others are writing.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// Who is in a chat, as far as it concerns those who write.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    kind: LogKind,
    members: Arc<[(Uid, ChatRole)]>,
}

/// A short memory of chats.
pub(crate) struct Rooms(moka::sync::Cache<LogId, Option<Room>>);

impl Default for Rooms {
    fn default() -> Self {
        let cache = moka::sync::Cache::builder()
            .max_capacity(10_000)
            .time_to_live(KNOWN_FOR)
            .build();
        Self(cache)
    }
}

/// The one place that knows where members and roles come from.
async fn room(core: &Core, log: LogId) -> Result<Option<Room>, TypingError> {
    let rooms = &core.writing.rooms.0;
    if let Some(known) = rooms.get(&log) {
        return Ok(known);
    }
    let read = logs::roles(core.store.db.read(), log).await?;
    let room = read
        .filter(|(kind, _)| kind.is_chat())
        .map(|(kind, members)| Room {
            kind,
            members: members.into(),
        });
    rooms.insert(log, room.clone());
    Ok(room)
}

/// Who sees that `uid` is writing there. Nobody, where a switch says so: then there is nothing to tell, and nothing to
/// refuse.
pub(super) async fn audience(
    core: &Core,
    uid: Uid,
    place: Place,
) -> Result<Arc<[Uid]>, TypingError> {
    match place {
        Place::Person(target) => {
            messages::direct_route(core, uid, target).await?;
            willing(core, uid, vec![target]).await
        }
        Place::Chat(log) => in_chat(core, uid, log).await,
    }
}

async fn in_chat(core: &Core, uid: Uid, log: LogId) -> Result<Arc<[Uid]>, TypingError> {
    let room = room(core, log).await?.ok_or(MessageError::NotAMember)?;
    let role = room.members.iter().find(|(member, _)| *member == uid);
    let (_, role) = role.ok_or(MessageError::NotAMember)?;
    if !may_in_chat(room.kind, *role, ChatAction::Write, None) {
        return Err(TypingError::ReadOnly);
    }
    if room.members.len() > MOST_MEMBERS {
        return Ok(Arc::default());
    }
    let blocked = blocks::around(core.store.db.read(), uid).await?;
    let others = room.members.iter().map(|(member, _)| *member);
    let others = others.filter(|member| *member != uid && !blocked.contains(member));
    willing(core, uid, others.collect()).await
}

/// Those who tell others when they write, if `uid` does: who does not tell is not told either.
async fn willing(core: &Core, uid: Uid, mut others: Vec<Uid>) -> Result<Arc<[Uid]>, TypingError> {
    others.push(uid);
    let privacies = privacies_of(core, &others).await?;
    let tells = |one: &Uid| privacies.get(one).copied().unwrap_or_default().typing;
    if !tells(&uid) {
        return Ok(Arc::default());
    }
    others.pop();
    others.retain(tells);
    Ok(others.into())
}
