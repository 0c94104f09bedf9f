//! What is to be done when a call is over: it is written into its log, and what was kept of it is let go. Whoever made
//! it end does this; if they died over it, whoever looks next does. Doing it twice is doing it once.

use melo_domain::{CallEvent, CallId, CallState, CallStep, EventKind, LogKind};
use melo_ephemeral::Kind;
use melo_protocol::frame::CallRecordBody;
use melo_storage::{Audience, NewEvent, StorageError};

use super::start::party;
use super::store::{self, Changed, Live, Talk};
use super::{CallError, announce, slots};
use crate::chats::{self, ChatError};
use crate::messages::MessageError;
use crate::{Caller, Core};

/// A device hangs up: told, and done with.
pub(super) async fn hang_up(
    core: &Core,
    caller: Caller,
    id: CallId,
) -> Result<Changed<CallStep>, CallError> {
    let now = core.now();
    let changed = store::change(core, id, |live| {
        let call = live.direct_mut()?;
        let side = call.side(caller.uid).ok_or(CallError::NotFound)?;
        Ok(call.apply(CallEvent::HangUp(side, caller.device), now)?)
    });
    let changed = changed.await?;
    if changed.what == CallStep::Moved {
        announce::moved(
            core,
            changed.before.direct()?,
            &changed.after,
            Some(party(caller)),
        );
        finish(core, &changed.after).await?;
    }
    Ok(changed)
}

/// Writes a call that is over into its log and lets go of it.
pub(super) async fn finish(core: &Core, live: &Live) -> Result<(), CallError> {
    write(core, live).await?;
    for uid in live.people() {
        slots::retire(core, &slots::of_person(core, uid), live.id).await?;
    }
    if let Talk::Group(call) = &live.talk {
        slots::retire(core, &slots::of_chat(core, call.log), live.id).await?;
    }
    core.ephemeral
        .forget(Kind::CallDevice, live.id.bytes())
        .await?;
    core.ephemeral
        .forget(Kind::CallSignal, live.id.bytes())
        .await?;
    let place = store::place(core, live.id);
    Ok(core.ephemeral.strike_off(Kind::Call, &place).await?)
}

/// The record of a call: durable, delivered and read as any event of the log. Nothing of what the devices told each
/// other is in it.
async fn write(core: &Core, live: &Live) -> Result<(), CallError> {
    let (starter, body) = body(live);
    let audience = match &live.talk {
        Talk::Direct(call) => Audience {
            kind: LogKind::Direct,
            members: [call.caller.uid, call.callee].into(),
            members_seq: 0,
        },
        Talk::Group(call) => match chats::room(core, call.log).await {
            Ok(room) => room.audience(),
            // The chat was deleted meanwhile, and its log with it.
            Err(ChatError::NotFound) => return Ok(()),
            Err(error) => return Err(error.into()),
        },
    };
    let payload = serde_json::to_string(&body).map_err(|_| StorageError::Corrupt("call"))?;
    let event = NewEvent {
        device: Some(starter.device),
        client_id: Some(live.record),
        ..NewEvent::new(live.log, EventKind::CallRecord, starter.uid, payload)
    };
    let receipt = core.writer.append(event, audience).await;
    let written = match receipt {
        Ok(receipt) => receipt.await,
        Err(error) => Err(error),
    };
    written.map_err(MessageError::from)?;
    Ok(())
}

fn body(live: &Live) -> (melo_domain::Party, CallRecordBody) {
    let base = |caller, began, duration: std::time::Duration| CallRecordBody {
        call_id: live.id,
        caller,
        callee: None,
        state: CallState::Ended,
        reason: None,
        media: live.media,
        started_at: began,
        duration: duration.as_secs(),
        participants: Vec::new(),
    };
    match &live.talk {
        Talk::Direct(call) => (
            call.caller,
            CallRecordBody {
                callee: Some(call.callee),
                state: call.state,
                reason: call.reason,
                ..base(call.caller.uid, call.began, call.duration())
            },
        ),
        Talk::Group(call) => (
            call.starter,
            CallRecordBody {
                reason: call.reason,
                participants: call.everybody.clone(),
                ..base(call.starter.uid, call.began, call.duration())
            },
        ),
    }
}
