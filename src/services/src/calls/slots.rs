//! The one call that a person is in, or that rings for them; and the one that goes on in a chat. A slot whose call is
//! over, or gone, is free.

use std::time::Duration;

use melo_domain::{CallId, LogId, Uid};
use melo_ephemeral::{Kind, Place, Seen};

use super::CallError;
use super::store::{self, Live, OVER};
use crate::{Core, Fault};

/// As long as a call is kept.
const LIFE: Duration = Duration::from_hours(24);
/// How often a slot is looked at while others take and free it.
const TRIES: u32 = 8;

pub(super) fn of_person(core: &Core, uid: Uid) -> Place {
    core.ephemeral
        .place(Kind::CallOf, uid.to_string().as_bytes())
}

pub(super) fn of_chat(core: &Core, log: LogId) -> Place {
    core.ephemeral
        .place(Kind::CallIn, log.to_string().as_bytes())
}

/// What came of trying to take one.
pub(super) enum Claim {
    /// It is the call's.
    Taken,
    /// Another call has it.
    Held(Box<Live>),
}

async fn look(core: &Core, slot: &Place) -> Result<(Option<Live>, Option<Seen>), Fault> {
    let seen = core.ephemeral.read(slot).await?;
    let id = seen.as_ref().and_then(|seen| id_in(&seen.value));
    let live = match id {
        Some(id) => store::find(core, id).await?,
        None => None,
    };
    Ok((live, seen))
}

fn id_in(value: &[u8]) -> Option<CallId> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The call in a slot, over or not.
pub(super) async fn held(core: &Core, slot: &Place) -> Result<Option<Live>, Fault> {
    Ok(look(core, slot).await?.0)
}

/// Takes a slot for a call, unless another one that is not over has it.
pub(super) async fn claim(core: &Core, slot: &Place, id: CallId) -> Result<Claim, CallError> {
    for _ in 0..TRIES {
        let (live, seen) = look(core, slot).await?;
        match live {
            Some(live) if live.id == id => return Ok(Claim::Taken),
            Some(live) if !live.is_over() => return Ok(Claim::Held(Box::new(live))),
            _ => {}
        }
        let value = id.to_string();
        let swapped = core
            .ephemeral
            .swap(slot, seen.as_ref(), Some(value.as_bytes()), LIFE);
        if swapped.await? {
            return Ok(Claim::Taken);
        }
    }
    Err(CallError::Contended)
}

/// Gives a slot back, if it is this call's.
pub(super) async fn release(core: &Core, slot: &Place, id: CallId) -> Result<(), Fault> {
    if let Some(seen) = core.ephemeral.read(slot).await?
        && id_in(&seen.value) == Some(id)
    {
        core.ephemeral.swap(slot, Some(&seen), None, OVER).await?;
    }
    Ok(())
}

/// The call in it is over: it stays there for as long as that is known, or until another one takes the slot.
pub(super) async fn retire(core: &Core, slot: &Place, id: CallId) -> Result<(), Fault> {
    if let Some(seen) = core.ephemeral.read(slot).await?
        && id_in(&seen.value) == Some(id)
    {
        let value = seen.value.clone();
        core.ephemeral
            .swap(slot, Some(&seen), Some(&value), OVER)
            .await?;
    }
    Ok(())
}
