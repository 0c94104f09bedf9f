//! Who is told what a call has come to.

use std::borrow::Cow;

use melo_domain::{CallState, ChatId, DeviceHandle, DirectCall, Party, Side, Uid};
use melo_protocol::frame::{CallRoster, CallStateFrame, CallStatus, Participant, Topology};
use melo_realtime::BusMessage;
use uuid::Uuid;

use super::CallError;
use super::store::Live;
use crate::Core;

pub(super) fn to_device(core: &Core, party: Party, frame: String) {
    core.bus.publish(BusMessage::ToDevice {
        uid: party.uid,
        device: party.device,
        frame: frame.into(),
    });
}

pub(super) fn to_person(core: &Core, uid: Uid, frame: String) {
    core.bus.publish(BusMessage::ToUser {
        uid,
        frame: frame.into(),
    });
}

fn to_others(core: &Core, uid: Uid, but: DeviceHandle, frame: String) {
    core.bus.publish(BusMessage::ToOtherDevices {
        uid,
        but,
        frame: frame.into(),
    });
}

/// A `call_state` of a call of two, made so by `side`.
pub(super) fn state(
    core: &Core,
    live: &Live,
    call: &DirectCall,
    status: CallStatus,
    side: Side,
    client_id: Option<Uuid>,
) -> String {
    let (status, reason) = words(live, call, status);
    let frame = CallStateFrame {
        state: status,
        from: call.person(side),
        to: call.person(side.other()),
        call_id: live.id,
        chat_id: None,
        device: call.device(side),
        media: live.media,
        reason,
        at: core.now(),
        rings_until: (status == CallStatus::Ringing).then_some(call.rings_until),
        client_id,
    };
    json(&frame)
}

/// The state and reason as the call's devices know them: of a call that an existing client has begun, one of the two
/// states they know.
fn words(
    live: &Live,
    call: &DirectCall,
    status: CallStatus,
) -> (CallStatus, Option<Cow<'static, str>>) {
    let reason = call.reason.map(|reason| Cow::Borrowed(reason.as_str()));
    let is_end = matches!(
        status,
        CallStatus::Rejected | CallStatus::Busy | CallStatus::Missed | CallStatus::Cancelled
    );
    if is_end && !live.named {
        return (CallStatus::Ended, Some(Cow::Borrowed(call.state.as_str())));
    }
    (status, reason)
}

pub(super) fn json(frame: &impl serde::Serialize) -> String {
    // Structs of plain fields always serialise.
    serde_json::to_string(frame).unwrap_or_default()
}

/// The answer to a frame that was about the call's state.
pub(super) fn answer(
    core: &Core,
    live: &Live,
    uid: Uid,
    client_id: Option<Uuid>,
) -> Result<Option<String>, CallError> {
    if client_id.is_none() {
        return Ok(None);
    }
    let call = live.direct()?;
    let side = call.side(uid).ok_or(CallError::NotFound)?;
    let status = call.state.into();
    Ok(Some(state(core, live, call, status, side, client_id)))
}

/// Tells the other devices concerned what a call of two has become. `by` has made it so, and learns of it from the
/// answer to its frame; of what nobody did, all are told.
pub(super) fn moved(core: &Core, before: &DirectCall, live: &Live, by: Option<Party>) {
    let Ok(call) = live.direct() else {
        return;
    };
    let side = by.and_then(|by| call.side(by.uid));
    let tell = |status, side| state(core, live, call, status, side, None);
    match call.state {
        CallState::Answered | CallState::Connected if before.state == CallState::Ringing => {
            if live.named {
                to_device(core, call.caller, tell(CallStatus::Answered, Side::Callee));
            }
            if let Some(winner) = call.winner {
                let taken = tell(CallStatus::AnsweredElsewhere, Side::Callee);
                to_others(core, call.callee, winner, taken);
            }
        }
        CallState::Ringing | CallState::Answered | CallState::Connected => {}
        CallState::Rejected | CallState::Busy => {
            if live.named || by.is_none() {
                to_device(core, call.caller, tell(call.state.into(), Side::Callee));
            }
            let declined = tell(CallStatus::DeclinedElsewhere, Side::Callee);
            match by {
                Some(by) => to_others(core, call.callee, by.device, declined),
                None => to_person(core, call.callee, declined),
            }
        }
        CallState::Cancelled | CallState::Missed => {
            to_person(core, call.callee, tell(call.state.into(), Side::Caller));
            if by.is_none() {
                to_device(core, call.caller, tell(call.state.into(), Side::Caller));
            }
        }
        CallState::Ended => {
            let from = side.unwrap_or(Side::Caller);
            for party in before.parties() {
                if Some(party) != by {
                    to_device(core, party, tell(CallStatus::Ended, from));
                }
            }
        }
    }
}

/// Tells the other of the two that a device hears them.
pub(super) fn connected(core: &Core, live: &Live, side: Side) {
    let Ok(call) = live.direct() else {
        return;
    };
    if let Some(device) = call.device(side.other()) {
        let party = Party {
            uid: call.person(side.other()),
            device,
        };
        let frame = state(core, live, call, CallStatus::Connected, side, None);
        to_device(core, party, frame);
    }
}

/// Who is in a chat's call.
pub(super) fn roster(core: &Core, live: &Live, client_id: Option<Uuid>) -> Option<String> {
    let call = live.group().ok()?;
    let participants = call.joined.iter().map(|joined| Participant {
        user_id: joined.party.uid,
        device: joined.party.device,
        since: joined.since,
    });
    Some(json(&CallRoster {
        call_id: live.id,
        chat_id: ChatId(call.log),
        topology: Topology::Mesh,
        media: live.media,
        participants: participants.collect(),
        at: core.now(),
        client_id,
    }))
}

/// Tells those in a chat's call, but the one who learns of it from an answer, who is in it now.
pub(super) fn roster_changed(core: &Core, live: &Live, but: Option<Party>) {
    let Some(frame) = roster(core, live, None) else {
        return;
    };
    for party in live.parties() {
        if Some(party) != but {
            to_device(core, party, frame.clone());
        }
    }
}

/// A `call_state` of a chat's call.
pub(super) fn group_state(
    core: &Core,
    live: &Live,
    status: CallStatus,
    party: Party,
    client_id: Option<Uuid>,
) -> Option<String> {
    let call = live.group().ok()?;
    Some(json(&CallStateFrame {
        state: status,
        from: party.uid,
        to: party.uid,
        call_id: live.id,
        chat_id: Some(ChatId(call.log)),
        device: Some(party.device),
        media: live.media,
        reason: call.reason.map(|reason| Cow::Borrowed(reason.as_str())),
        at: core.now(),
        rings_until: None,
        client_id,
    }))
}
