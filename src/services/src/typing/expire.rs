//! Who says nothing for ten seconds writes no longer.

use melo_domain::Uid;
use melo_protocol::frame::TypingChange;

use super::{TypingError, tell};
use crate::Core;
use crate::messages::Destination;
use crate::presence::read;

/// Tells those who were told that somebody is writing that it is over. The server calls this every second.
pub async fn tick(core: &Core) -> Result<(), TypingError> {
    let now = core.now();
    let over: Vec<(Uid, Destination)> = {
        let ongoing = core.writing.ongoing.lock();
        let over = ongoing.iter().filter(|(_, one)| one.until <= now);
        over.map(|(key, _)| *key).collect()
    };
    if over.is_empty() {
        return Ok(());
    }
    let mut uids: Vec<Uid> = over.iter().map(|(uid, _)| *uid).collect();
    uids.sort_unstable();
    uids.dedup();
    let entries = read(core, &uids).await?;
    for (uid, place) in over {
        let ended = {
            let mut ongoing = core.writing.ongoing.lock();
            // They may have gone on since it was looked at.
            let still = ongoing
                .get(&(uid, place))
                .is_some_and(|one| one.until > now);
            if still {
                None
            } else {
                ongoing.remove(&(uid, place))
            }
        };
        // Another node may have been told that they go on: the end is its to tell.
        let elsewhere = entries
            .get(&uid)
            .is_some_and(|live| live.writing.contains(&place));
        if let Some(ended) = ended.filter(|_| !elsewhere) {
            tell(core, uid, place, &ended.audience, TypingChange::Stop);
        }
    }
    Ok(())
}
