//! Looks at calls whose time may be over. Every node does, and of those who look at the same call one ends it: so
//! nobody rings for ever because a node died.

use melo_domain::{CallEvent, CallRefusal, CallState, Party};
use melo_ephemeral::{Kind, Place};

use super::store::{self, Live, Talk};
use super::{CallError, announce, attend, finish, group};
use crate::{Core, Fault};

/// Calls looked at in one query.
const BATCH: usize = 256;
/// Queries in one turn; when more are due, the next turn goes on.
const BATCHES: usize = 16;

/// Looks at what is due. The server calls this every second.
pub async fn tick(core: &Core) -> Result<(), Fault> {
    for _ in 0..BATCHES {
        let due = core.ephemeral.due(Kind::Call, core.now(), BATCH).await?;
        for place in &due {
            if let Err(error) = look(core, place).await {
                tracing::error!(%error, "a call could not be looked at; it is tried again");
                let later = core.now().plus(core.policy.calls.beat());
                core.ephemeral.schedule(Kind::Call, place, later).await?;
            }
        }
        if due.len() < BATCH {
            break;
        }
    }
    Ok(())
}

async fn look(core: &Core, place: &Place) -> Result<(), CallError> {
    let Some((live, _)) = store::read(core, place).await? else {
        return Ok(core.ephemeral.strike_off(Kind::Call, place).await?);
    };
    if live.is_over() {
        // Whoever ended it did not come to the end of it.
        return finish::finish(core, &live).await;
    }
    if live.ends_by().is_some_and(|end| core.now() >= end) {
        return expire(core, &live).await;
    }
    let present = attend::present(core, live.id).await?;
    for party in live.parties() {
        if !present.contains(&party.device) {
            return lose(core, &live, party).await;
        }
    }
    if let Some(party) = outsider(core, &live).await? {
        return group::leave(core, party, live.id).await;
    }
    let next = live.look_at(core);
    Ok(core.ephemeral.schedule(Kind::Call, place, next).await?)
}

/// Its time is over.
async fn expire(core: &Core, live: &Live) -> Result<(), CallError> {
    let now = core.now();
    let changed = store::change(core, live.id, |live| match &mut live.talk {
        Talk::Direct(call) => {
            call.apply(CallEvent::Expire, now)?;
            Ok(())
        }
        Talk::Group(call) => Ok(call.expire(now)?),
    });
    let changed = match changed.await {
        Ok(changed) => changed,
        Err(error) => return overtaken(error),
    };
    match (&changed.before.talk, &changed.after.talk) {
        (Talk::Direct(before), Talk::Direct(_)) => {
            announce::moved(core, before, &changed.after, None);
            finish::finish(core, &changed.after).await
        }
        (_, Talk::Group(call)) => group::over(core, &changed.after, call.starter).await,
        (Talk::Group(_), Talk::Direct(_)) => Err(CallError::WrongKind),
    }
}

/// A device was not heard of for too long.
async fn lose(core: &Core, live: &Live, party: Party) -> Result<(), CallError> {
    if live.group().is_ok() {
        return group::leave(core, party, live.id).await.or_else(overtaken);
    }
    let now = core.now();
    let changed = store::change(core, live.id, |live| {
        let call = live.direct_mut()?;
        let side = call.side(party.uid).ok_or(CallError::NotFound)?;
        Ok(call.apply(CallEvent::Lose(side, party.device), now)?)
    });
    let changed = match changed.await {
        Ok(changed) => changed,
        Err(error) => return overtaken(error),
    };
    let before = changed.before.direct()?;
    if before.state != CallState::Ringing || changed.after.is_over() {
        announce::moved(core, before, &changed.after, None);
        finish::finish(core, &changed.after).await?;
    }
    Ok(())
}

/// Somebody else was faster: then there is nothing to do, and what there will be is on the agenda.
fn overtaken(error: CallError) -> Result<(), CallError> {
    match error {
        CallError::Refused(
            CallRefusal::Over | CallRefusal::NotYet | CallRefusal::NotInCall | CallRefusal::Taken,
        )
        | CallError::NotFound => Ok(()),
        other => Err(other),
    }
}

/// Somebody in a chat's call who is no member of the chat any more.
async fn outsider(core: &Core, live: &Live) -> Result<Option<Party>, CallError> {
    let Ok(call) = live.group() else {
        return Ok(None);
    };
    for joined in &call.joined {
        if !group::is_member(core, joined.party.uid, call.log).await? {
            return Ok(Some(joined.party));
        }
    }
    Ok(None)
}
