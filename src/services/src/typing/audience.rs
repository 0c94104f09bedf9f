//! Who is to see that somebody is writing.

use std::sync::Arc;

use melo_domain::{ChatAction, LogId, Uid};
use melo_storage::blocks;

use super::TypingError;
use crate::messages::{self, Destination, MessageError};
use crate::people::privacies_of;
use crate::{Core, chats};

/// In a chat of more people nobody is told who is writing.
const MOST_MEMBERS: usize = 1000;

/// Who sees that `uid` is writing there. Nobody, where a switch says so: then there is nothing to tell, and nothing to
/// refuse.
pub(super) async fn audience(
    core: &Core,
    uid: Uid,
    place: Destination,
) -> Result<Arc<[Uid]>, TypingError> {
    match place {
        Destination::Person(target) => {
            messages::direct_route(core, uid, target).await?;
            willing(core, uid, vec![target]).await
        }
        Destination::Chat(log) => in_chat(core, uid, log).await,
    }
}

async fn in_chat(core: &Core, uid: Uid, log: LogId) -> Result<Arc<[Uid]>, TypingError> {
    let room = chats::room_of(core, uid, log)
        .await
        .map_err(MessageError::from)?;
    let allowed = room.allow(uid, ChatAction::Write);
    allowed.map_err(MessageError::from)?;
    if room.members.len() > MOST_MEMBERS {
        return Ok(Arc::default());
    }
    let blocked = blocks::around(core.store.db.read(), uid).await?;
    let others = room.members.iter().copied();
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
