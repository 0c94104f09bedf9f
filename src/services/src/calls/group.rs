//! Calls within a chat: begun, joined and left by its members. Each device has a connection to each other one; who
//! joins makes the offers, to those who are there already.

use std::sync::Arc;

use melo_domain::{CallRefusal, ChatAction, DeviceHandle, GroupCall, Joining, LogId, Party, Uid};
use melo_ephemeral::Kind;
use melo_protocol::frame::{CallFrame, CallHead, CallStatus, Recipient};
use melo_realtime::BusMessage;

use super::forward::{self, To};
use super::signal::{of_frame, spend};
use super::slots::{self, Claim};
use super::start::{new, party};
use super::store::{self, Live, Talk};
use super::{CallError, Done, announce, attend, finish, wake};
use crate::chats::{self, ChatError, Room};
use crate::limits::{self, Limit};
use crate::{Caller, Core};

pub(super) async fn is_member(core: &Core, uid: Uid, log: LogId) -> Result<bool, CallError> {
    match chats::room_of(core, uid, log).await {
        Ok(_) => Ok(true),
        Err(ChatError::NotAMember) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Begins the call of a chat, or joins the one that goes on.
pub(super) async fn start(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    log: LogId,
) -> Result<Done, CallError> {
    let room = chats::room_of(core, caller.uid, log).await?;
    let slot = slots::of_chat(core, log);
    let held = slots::held(core, &slot).await?;
    if let Some(live) = held.filter(|live| !live.is_over()) {
        return join_live(core, caller, frame, &live).await;
    }
    room.allow(caller.uid, ChatAction::Write)?;
    limits::take(core, Limit::CallStart, caller.uid).await?;
    let call = GroupCall::begun(log, party(caller), core.now());
    let live = new(frame.call_id, frame.media, log, Talk::Group(call));
    if !store::create(core, &live).await? {
        return Err(CallError::IdTaken);
    }
    match slots::claim(core, &slot, live.id).await {
        Ok(Claim::Taken) => {}
        Ok(Claim::Held(other)) => {
            store::discard(core, live.id).await?;
            return join_live(core, caller, frame, &other).await;
        }
        Err(error) => {
            store::discard(core, live.id).await?;
            return Err(error);
        }
    }
    if let Err(error) = take_own_slot(core, caller, &live).await {
        slots::release(core, &slot, live.id).await?;
        store::discard(core, live.id).await?;
        return Err(error);
    }
    attend::hold(core, caller, live.id).await?;
    let head = forward::head(core, caller, Some(&live));
    ring(core, caller, frame, &head, &room);
    wake::wake_members(core, &live, &room.members, caller.uid).await;
    Ok(inside(core, caller, &live, frame))
}

/// All other devices of all members.
fn ring(core: &Core, caller: Caller, frame: &CallFrame<'_>, head: &CallHead, room: &Room) {
    let text = frame.render(head, None);
    let others = room
        .members
        .iter()
        .copied()
        .filter(|uid| *uid != caller.uid);
    core.bus.publish(BusMessage::ToUsers {
        uids: others.collect::<Vec<Uid>>().into(),
        frame: text.clone().into(),
    });
    core.bus.publish(BusMessage::ToOtherDevices {
        uid: caller.uid,
        but: caller.device,
        frame: text.into(),
    });
}

/// Joins a chat's call; from another device of one's own, takes it over.
pub async fn join(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    spend(core, caller, id).await?;
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    join_live(core, caller, frame, &live).await
}

pub(super) async fn join_live(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    live: &Live,
) -> Result<Done, CallError> {
    let log = live.group()?.log;
    if !is_member(core, caller.uid, log).await? {
        return Err(CallError::NotFound);
    }
    if live.is_over() {
        return Err(CallRefusal::Over.into());
    }
    take_own_slot(core, caller, live).await?;
    attend::hold(core, caller, live.id).await?;
    let now = core.now();
    let joined = store::change(core, live.id, |live| {
        Ok(live.group_mut()?.join(party(caller), now)?)
    });
    let joined = match joined.await {
        Ok(joined) if joined.what != Joining::Full => joined,
        refused => {
            let slot = slots::of_person(core, caller.uid);
            slots::release(core, &slot, live.id).await?;
            refused?;
            return Err(CallError::Full);
        }
    };
    let live = &joined.after;
    match joined.what {
        Joining::New => {
            announce::roster_changed(core, live, Some(party(caller)));
            own_devices(core, caller, live, CallStatus::AnsweredElsewhere);
        }
        Joining::Moved(before) => {
            let old = Party {
                uid: caller.uid,
                device: before,
            };
            let told = CallStatus::Transferred;
            if let Some(text) = announce::group_state(core, live, told, party(caller), None) {
                announce::to_device(core, old, text);
            }
            announce::roster_changed(core, live, Some(party(caller)));
        }
        Joining::Repeated | Joining::Full => {}
    }
    Ok(inside(core, caller, live, frame))
}

fn own_devices(core: &Core, caller: Caller, live: &Live, status: CallStatus) {
    if let Some(text) = announce::group_state(core, live, status, party(caller), None) {
        core.bus.publish(BusMessage::ToOtherDevices {
            uid: caller.uid,
            but: caller.device,
            frame: text.into(),
        });
    }
}

/// Who has come in is told who is there, whether or not they ask: it is what they make their offers by.
fn inside(core: &Core, caller: Caller, live: &Live, frame: &CallFrame<'_>) -> Done {
    let roster = announce::roster(core, live, frame.client_id);
    let answer = if frame.client_id.is_some() {
        roster
    } else {
        if let Some(text) = roster {
            announce::to_device(core, party(caller), text);
        }
        None
    };
    Done {
        attends: Some(live.id),
        answer,
    }
}

/// One call for one person: another one that this device was in is given up, another device's stands in the way.
async fn take_own_slot(core: &Core, caller: Caller, live: &Live) -> Result<(), CallError> {
    let slot = slots::of_person(core, caller.uid);
    let Claim::Held(other) = slots::claim(core, &slot, live.id).await? else {
        return Ok(());
    };
    if !other.parties().contains(&party(caller)) {
        return Err(CallError::InCall);
    }
    if let Talk::Direct(_) = other.talk {
        finish::hang_up(core, caller, other.id).await?;
    } else {
        Box::pin(leave(core, party(caller), other.id)).await?;
    }
    match slots::claim(core, &slot, live.id).await? {
        Claim::Taken => Ok(()),
        Claim::Held(_) => Err(CallError::InCall),
    }
}

pub(super) async fn leave_by_frame(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    id: melo_domain::CallId,
) -> Result<Done, CallError> {
    leave(core, party(caller), id).await?;
    let live = store::find(core, id).await?;
    let answer = live.filter(|_| frame.client_id.is_some()).and_then(|live| {
        let status = CallStatus::Ended;
        announce::group_state(core, &live, status, party(caller), frame.client_id)
    });
    Ok(Done {
        attends: None,
        answer,
    })
}

/// Somebody is out of a chat's call; with the last one it is over, and everybody in the chat learns it.
pub(super) async fn leave(
    core: &Core,
    who: Party,
    id: melo_domain::CallId,
) -> Result<(), CallError> {
    let now = core.now();
    let left = store::change(core, id, |live| Ok(live.group_mut()?.leave(who, now)?)).await?;
    slots::release(core, &slots::of_person(core, who.uid), id).await?;
    let name = who.device.to_string();
    core.ephemeral
        .end_lease(Kind::CallDevice, id.bytes(), name.as_bytes())
        .await?;
    if left.after.is_over() {
        over(core, &left.after, who).await
    } else {
        announce::roster_changed(core, &left.after, None);
        Ok(())
    }
}

/// A chat's call is over.
pub(super) async fn over(core: &Core, live: &Live, by: Party) -> Result<(), CallError> {
    let log = live.group()?.log;
    let members: Arc<[Uid]> = match chats::room(core, log).await {
        Ok(room) => Arc::clone(&room.members),
        Err(ChatError::NotFound) => Arc::from([]),
        Err(error) => return Err(error.into()),
    };
    if let Some(text) = announce::group_state(core, live, CallStatus::Ended, by, None) {
        core.bus.publish(BusMessage::ToUsers {
            uids: members,
            frame: text.into(),
        });
    }
    finish::finish(core, live).await
}

/// Passes a frame on from one device in the call to another.
pub(super) async fn signal(
    core: &Core,
    caller: Caller,
    frame: &CallFrame<'_>,
    live: &Live,
) -> Result<Done, CallError> {
    let call = live.group()?;
    call.takes_part(party(caller))?;
    spend(core, caller, live.id).await?;
    let to = address(frame)?;
    call.takes_part(to).map_err(|_| CallRefusal::NotInCall)?;
    if !is_member(core, caller.uid, call.log).await? {
        return Err(CallError::NotFound);
    }
    let head = forward::head(core, caller, Some(live));
    forward::check(core, frame, To::Device(to)).await?;
    forward::forward(core, frame, &head, To::Device(to)).await?;
    Ok(Done::default())
}

fn address(frame: &CallFrame<'_>) -> Result<Party, CallError> {
    let device: Option<DeviceHandle> = frame.device;
    match (frame.to, device) {
        (Some(Recipient::Person(uid)), Some(device)) => Ok(Party { uid, device }),
        _ => Err(CallError::AddressNeeded),
    }
}

/// Tells the others in the call that somebody begins or ceases to speak.
pub async fn speak(core: &Core, caller: Caller, frame: &CallFrame<'_>) -> Result<Done, CallError> {
    let id = of_frame(core, caller, frame).await?;
    let live = store::find(core, id).await?.ok_or(CallError::NotFound)?;
    live.group()?.takes_part(party(caller))?;
    spend(core, caller, id).await?;
    let text = frame.render(&forward::head(core, caller, Some(&live)), None);
    for other in live.parties() {
        if other != party(caller) {
            announce::to_device(core, other, text.clone());
        }
    }
    Ok(Done::default())
}
