//! The call that somebody is in, or that rings for them: for a client that was woken by a push and wants the offer.

use melo_domain::{CallId, CallState, ChatId, LogId, Media, Party, Side, Timestamp, Uid};

use super::store::{Live, Talk};
use super::{CallError, slots, welcome};
use crate::{Caller, Core, chats};

/// A call that goes on.
#[derive(Debug, Clone)]
pub struct ActiveCall {
    /// The call.
    pub id: CallId,
    /// The chat, of a chat's call.
    pub chat: Option<ChatId>,
    /// Who has called, or begun it.
    pub caller: Uid,
    /// Who was called.
    pub callee: Option<Uid>,
    /// Where it stands.
    pub state: CallState,
    /// What is in it.
    pub media: Media,
    /// When it began.
    pub began: Timestamp,
    /// Until when it rings, while it does.
    pub rings_until: Option<Timestamp>,
    /// The devices in it.
    pub parties: Vec<Party>,
    /// What was said in it that the asking device needs, oldest first: frames.
    pub frames: Vec<String>,
}

/// The caller's call.
pub async fn active(core: &Core, caller: Caller) -> Result<Option<ActiveCall>, CallError> {
    let held = slots::held(core, &slots::of_person(core, caller.uid)).await?;
    match held.filter(|live| !live.is_over()) {
        Some(live) => Ok(Some(view(core, caller, &live).await?)),
        None => Ok(None),
    }
}

/// The call of a chat that the caller is in.
pub async fn active_in(
    core: &Core,
    caller: Caller,
    log: LogId,
) -> Result<Option<ActiveCall>, CallError> {
    chats::room_of(core, caller.uid, log).await?;
    let held = slots::held(core, &slots::of_chat(core, log)).await?;
    match held.filter(|live| !live.is_over()) {
        Some(live) => Ok(Some(view(core, caller, &live).await?)),
        None => Ok(None),
    }
}

async fn view(core: &Core, caller: Caller, live: &Live) -> Result<ActiveCall, CallError> {
    let base = |chat, caller, callee, began, rings_until| ActiveCall {
        id: live.id,
        chat,
        caller,
        callee,
        state: live.state(),
        media: live.media,
        began,
        rings_until,
        parties: live.parties(),
        frames: Vec::new(),
    };
    Ok(match &live.talk {
        Talk::Direct(call) => {
            let rings = (call.state == CallState::Ringing).then_some(call.rings_until);
            let concerned = welcome::concerns(call, caller);
            let frames = if concerned {
                welcome::kept(core, caller, live.id).await?
            } else {
                Vec::new()
            };
            ActiveCall {
                frames,
                ..base(
                    None,
                    call.person(Side::Caller),
                    Some(call.callee),
                    call.began,
                    rings,
                )
            }
        }
        Talk::Group(call) => base(
            Some(ChatId(call.log)),
            call.starter.uid,
            None,
            call.began,
            None,
        ),
    })
}
