//! Somebody calls somebody, or begins a call in a chat.

use melo_crypto::random;
use melo_domain::{CallEvent, CallId, CallState, DirectCall, LogId, Media, Party, Side, Uid};
use melo_protocol::frame::{CallAction, CallFrame, Recipient};
use uuid::Uuid;

use super::forward::{self, To};
use super::slots::{self, Claim};
use super::store::{self, Live, Talk};
use super::{CallError, Done, announce, attend, finish, group, signal, wake, welcome};
use crate::limits::{self, Limit};
use crate::messages;
use crate::{Caller, Core};

/// Begins a call, with a session description or without one; where the two are in a call already, the frame is one
/// within it.
pub async fn start(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    if let Some(id) = frame.call_id
        && let Some(live) = store::find(core, id).await?
    {
        return again(core, caller, frame, live).await;
    }
    match frame.to {
        Some(Recipient::Person(callee)) => with_person(core, caller, frame, callee).await,
        Some(Recipient::Chat(chat)) => group::start(core, caller, frame, chat.0).await,
        None => Err(CallError::NotFound),
    }
}

/// A call of that name is there: an offer within it, or the same frame once more.
async fn again(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    live: Live,
) -> Result<Done, CallError> {
    let known = match &live.talk {
        Talk::Direct(call) => call.side(caller.uid).is_some(),
        Talk::Group(call) => group::is_member(core, caller.uid, call.log).await?,
    };
    if !known {
        return Err(CallError::IdTaken);
    }
    match (&live.talk, frame.action) {
        (Talk::Group(_), CallAction::Start) => group::join_live(core, caller, frame, &live).await,
        (Talk::Direct(_), CallAction::Start) => Ok(Done {
            attends: None,
            answer: announce::answer(core, &live, caller.uid, frame.client_id)?,
        }),
        _ => signal(core, caller, frame).await,
    }
}

async fn with_person(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    callee: Uid,
) -> Result<Done, CallError> {
    let route = messages::direct_route(core, caller.uid, callee).await?;
    let own = slots::held(core, &slots::of_person(core, caller.uid)).await?;
    if let Some(live) = own.filter(|live| !live.is_over()) {
        let between = live.direct().is_ok_and(|call| call.side(callee).is_some());
        if between && frame.call_id.is_none() {
            return signal_or_meet(core, caller, frame, live).await;
        }
        if between {
            return meet_or_replace(core, caller, frame, live, route.log).await;
        }
        give_up_own(core, caller, &live).await?;
    }
    begin(core, caller, frame, callee, route.log).await
}

/// An existing client's frame to somebody it is in a call with: within that call, unless it is the other one's call
/// that has not been answered. Then both have called at once: the first call rings on.
async fn signal_or_meet(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    live: Live,
) -> Result<Done, CallError> {
    let call = live.direct()?;
    let meets = call.state == CallState::Ringing && call.side(caller.uid) == Some(Side::Callee);
    if !meets {
        return signal(core, caller, frame).await;
    }
    let side = Side::Caller;
    let rings = announce::state(core, &live, call, CallState::Ringing.into(), side, None);
    announce::to_device(core, party(caller), rings);
    Ok(Done::default())
}

/// Another call of the two is going on. If the other one has called, both want to talk: whoever comes second has
/// answered. A call of this device's own that it knows nothing of any more is given up.
async fn meet_or_replace(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    live: Live,
    log: LogId,
) -> Result<Done, CallError> {
    let call = live.direct()?;
    let callee = match call.side(caller.uid) {
        Some(Side::Callee) if call.state == CallState::Ringing => {
            return meet(core, caller, frame, live.id).await;
        }
        Some(side) => call.person(side.other()),
        None => return Err(CallError::NotFound),
    };
    give_up_own(core, caller, &live).await?;
    begin(core, caller, frame, callee, log).await
}

/// Two people have called each other: the call that was there first is answered by the device that called second.
async fn meet(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    id: CallId,
) -> Result<Done, CallError> {
    attend::hold_before(core, caller, id).await?;
    let now = core.now();
    let changed = store::change(core, id, |live| {
        let event = CallEvent::Accept(caller.device);
        Ok(live.direct_mut()?.apply(event, now)?)
    });
    let changed = changed.await?;
    announce::moved(
        core,
        changed.before.direct()?,
        &changed.after,
        Some(party(caller)),
    );
    // The first call's offer may have gone past this device, or be on its way.
    for text in welcome::kept(core, caller, id).await? {
        announce::to_device(core, party(caller), text);
    }
    Ok(Done {
        attends: Some(id),
        answer: announce::answer(core, &changed.after, caller.uid, frame.client_id)?,
    })
}

/// A device that begins a call is in no other: one that it was in was lost with what the client knew. A call of
/// another device of the same person goes on.
async fn give_up_own(core: &Core, caller: Caller, live: &Live) -> Result<(), CallError> {
    if !live.parties().contains(&party(caller)) {
        return Err(CallError::InCall);
    }
    match &live.talk {
        Talk::Direct(_) => finish::hang_up(core, caller, live.id).await.map(|_| ()),
        Talk::Group(_) => group::leave(core, party(caller), live.id).await,
    }
}

async fn begin(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    callee: Uid,
    log: LogId,
) -> Result<Done, CallError> {
    limits::take(core, Limit::CallStart, caller.uid).await?;
    forward::check(core, frame, To::Person(callee)).await?;
    let own = party(caller);
    let call = DirectCall::ringing(own, callee, core.now(), core.policy.calls.ring);
    let live = new(frame.call_id, frame.media, log, Talk::Direct(call));
    if !store::create(core, &live).await? {
        // The same frame twice at once.
        let there = store::find(core, live.id)
            .await?
            .ok_or(CallError::NotFound)?;
        return Box::pin(again(core, caller, frame, there)).await;
    }
    match take_slots(core, &live, caller.uid, callee).await {
        Ok(None) => {}
        Ok(Some(other)) => {
            store::discard(core, live.id).await?;
            return occupied(core, caller, frame, callee, *other).await;
        }
        Err(error) => {
            store::discard(core, live.id).await?;
            return Err(error);
        }
    }
    attend::hold(core, caller, live.id).await?;
    let head = forward::head(core, caller, Some(&live));
    let to = To::Person(callee);
    forward::keep(core, frame, &head, &live, to, 0).await?;
    forward::forward(core, frame, &head, to).await?;
    wake::wake(core, &live, callee).await;
    Ok(Done {
        attends: Some(live.id),
        answer: announce::answer(core, &live, caller.uid, frame.client_id)?,
    })
}

/// Takes the slots of both, the smaller id's first: of two who call each other at once one gets both. Returns the
/// call that has one of them.
async fn take_slots(
    core: &Core,
    live: &Live,
    caller: Uid,
    callee: Uid,
) -> Result<Option<Box<Live>>, CallError> {
    if core.echo() == Some(callee) {
        // It talks with as many as there are: only the caller is busy.
        let slot = slots::of_person(core, caller);
        return Ok(match slots::claim(core, &slot, live.id).await? {
            Claim::Taken => None,
            Claim::Held(other) => Some(other),
        });
    }
    let (first, second) = (caller.min(callee), caller.max(callee));
    let (first, second) = (
        slots::of_person(core, first),
        slots::of_person(core, second),
    );
    if let Claim::Held(other) = slots::claim(core, &first, live.id).await? {
        return Ok(Some(other));
    }
    match slots::claim(core, &second, live.id).await {
        Ok(Claim::Taken) => Ok(None),
        Ok(Claim::Held(other)) => {
            slots::release(core, &first, live.id).await?;
            Ok(Some(other))
        }
        Err(error) => {
            slots::release(core, &first, live.id).await?;
            Err(error)
        }
    }
}

/// Somebody has a call already.
async fn occupied(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    callee: Uid,
    other: Live,
) -> Result<Done, CallError> {
    let direct = other.direct().ok();
    let met = direct.is_some_and(|call| call.caller.uid == callee && call.callee == caller.uid);
    if met && frame.call_id.is_some() {
        return meet(core, caller, frame, other.id).await;
    }
    if met {
        return signal_or_meet(core, caller, frame, other).await;
    }
    if other.people().contains(&caller.uid) {
        return Err(CallError::InCall);
    }
    busy(core, caller, frame, callee).await
}

/// The other one is in a call: their devices do not ring, and both find it in their log.
async fn busy(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    callee: Uid,
) -> Result<Done, CallError> {
    let route = messages::direct_route(core, caller.uid, callee).await?;
    let now = core.now();
    let mut call = DirectCall::ringing(party(caller), callee, now, core.policy.calls.ring);
    call.apply(CallEvent::Busy(caller.device), now)?;
    let live = new(frame.call_id, frame.media, route.log, Talk::Direct(call));
    if store::create(core, &live).await? {
        finish::finish(core, &live).await?;
    }
    let call = live.direct()?;
    let state = |client_id| {
        announce::state(
            core,
            &live,
            call,
            CallState::Busy.into(),
            Side::Callee,
            client_id,
        )
    };
    if frame.client_id.is_none() {
        announce::to_device(core, party(caller), state(None));
    }
    Ok(Done {
        attends: None,
        answer: frame.client_id.map(|id| state(Some(id))),
    })
}

pub(super) fn new(id: Option<CallId>, media: Option<Media>, log: LogId, talk: Talk) -> Live {
    let fresh = || CallId::from_random(random::u64(), random::u64());
    Live {
        id: id.unwrap_or_else(fresh),
        named: id.is_some(),
        media: media.unwrap_or_default(),
        log,
        record: Uuid::from_u64_pair(random::u64(), random::u64()),
        talk,
    }
}

pub(super) fn party(caller: Caller) -> Party {
    Party {
        uid: caller.uid,
        device: caller.device,
    }
}
