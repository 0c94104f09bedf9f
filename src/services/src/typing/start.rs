//! Somebody begins to write, or goes on.

use std::time::Duration;

use melo_protocol::frame::TypingChange;

use super::audience::audience;
use super::{MOST, Ongoing, TypingError, tell};
use crate::limits::{self, Limit};
use crate::messages::Destination;
use crate::presence::{Mark, TYPING_LIFE, put_mark};
use crate::{Caller, Core};

/// Others are told again that somebody goes on writing at most this often.
const TELL_AGAIN: Duration = Duration::from_secs(3);

/// The caller is writing there, for the next ten seconds.
pub async fn start(core: &Core, caller: Caller, place: Destination) -> Result<(), TypingError> {
    limits::take(core, Limit::Typing, caller.uid).await?;
    let audience = audience(core, caller.uid, place).await?;
    if audience.is_empty() {
        return Ok(());
    }
    put_mark(core, caller.uid, Mark::writing(place), TYPING_LIFE).await?;
    let now = core.now();
    let fresh = {
        let mut ongoing = core.writing.ongoing.lock();
        let key = (caller.uid, place);
        let before = ongoing.get(&key).map(|one| one.told);
        if before.is_none() && ongoing.len() >= MOST {
            return Ok(());
        }
        let fresh = before.is_none_or(|told| now.since(told) >= TELL_AGAIN);
        let one = Ongoing {
            audience: audience.clone(),
            told: before.filter(|_| !fresh).unwrap_or(now),
            until: now.plus(TYPING_LIFE),
        };
        ongoing.insert(key, one);
        fresh
    };
    if fresh {
        tell(core, caller.uid, place, &audience, TypingChange::Start);
    }
    Ok(())
}
