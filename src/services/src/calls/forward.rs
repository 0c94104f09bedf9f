//! What is passed on to other devices as it was sent, cut to each device's own part where it is sealed.

use std::time::Duration;

use melo_domain::{ChatId, DeviceHandle, Party, Uid};
use melo_ephemeral::Kind;
use melo_protocol::frame::{CallAction, CallFrame, CallHead, MAX_CALL_FRAME_BYTES};

use super::store::Live;
use super::{CallError, announce};
use crate::messages::{self, MessageError};
use crate::{Caller, Core, Fault};

/// What is kept for a device that comes back is kept for so long: an offer that is older is not delivered.
pub(super) const OFFER_LIFE: Duration = Duration::from_secs(60);

/// To whom.
#[derive(Debug, Clone, Copy)]
pub(super) enum To {
    /// Every device of a person: they ring.
    Person(Uid),
    /// One device.
    Device(Party),
}

impl To {
    fn uid(self) -> Uid {
        match self {
            Self::Person(uid) => uid,
            Self::Device(party) => party.uid,
        }
    }
}

pub(super) fn head(core: &Core, caller: Caller, live: Option<&Live>) -> CallHead {
    let chat = live.and_then(|live| live.group().ok()).map(|call| call.log);
    CallHead {
        from: caller.uid,
        device: caller.device,
        call_id: live.map(|live| live.id),
        chat_id: chat.map(ChatId),
        at: core.now(),
    }
}

/// What is sealed must be for the devices it goes to, and for none that is not the person's.
pub(super) async fn check(core: &Core, frame: &CallFrame<'_>, to: To) -> Result<(), CallError> {
    let Some(envelope) = frame.envelope() else {
        return Ok(());
    };
    let devices = messages::published(core, to.uid()).await?;
    if devices.is_empty() {
        return Err(MessageError::NoDevices.into());
    }
    let concerned = |device: DeviceHandle| match to {
        To::Person(_) => true,
        To::Device(party) => party.device == device,
    };
    let named = |kid: &str| envelope.kids().any(|k| k == kid);
    let missing: Vec<String> = devices
        .iter()
        .filter(|d| concerned(d.device) && !named(&d.kid))
        .map(|d| d.kid.to_string())
        .collect();
    let extra: Vec<String> = envelope
        .kids()
        .filter(|kid| !devices.iter().any(|d| d.kid.as_ref() == *kid))
        .map(str::to_owned)
        .collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(MessageError::DeviceMismatch { missing, extra }.into())
}

/// Passes a frame on.
pub(super) async fn forward(
    core: &Core,
    frame: &CallFrame<'_>,
    head: &CallHead,
    to: To,
) -> Result<(), CallError> {
    if frame.envelope().is_none() {
        let text = frame.render(head, None);
        match to {
            To::Person(uid) => announce::to_person(core, uid, text),
            To::Device(party) => announce::to_device(core, party, text),
        }
        return Ok(());
    }
    let uid = to.uid();
    for known in messages::published(core, uid).await?.iter() {
        let device = known.device;
        if matches!(to, To::Device(party) if party.device != device) {
            continue;
        }
        let text = frame.render(head, Some(&known.kid));
        announce::to_device(core, Party { uid, device }, text);
    }
    Ok(())
}

/// A frame as a device that comes back will get it.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Kept {
    /// For which device; for all that ring where there is none.
    pub device: Option<DeviceHandle>,
    /// From which person.
    pub from: Uid,
    /// When the server took it, in milliseconds; and its place among those of the same moment.
    pub at: (i64, u64),
    /// The text, its envelope whole.
    pub text: String,
}

/// Keeps a frame for devices that come back: the last offer and the last answer for each, and the first ways to reach
/// the caller.
pub(super) async fn keep(
    core: &Core,
    frame: &CallFrame<'_>,
    head: &CallHead,
    live: &Live,
    to: To,
    number: u64,
) -> Result<(), Fault> {
    let device = match to {
        To::Person(_) => None,
        To::Device(party) => Some(party.device),
    };
    let order = match frame.action {
        CallAction::Start => 0,
        CallAction::Offer => 1,
        CallAction::Answer => 2,
        _ => 3 + number,
    };
    let text = frame.render_whole(head);
    if text.len() > 2 * MAX_CALL_FRAME_BYTES {
        return Ok(());
    }
    let holder = format!("{order} {} {:?}", to.uid(), device);
    let kept = Kept {
        device,
        from: head.from,
        at: (head.at.millis(), order),
        text,
    };
    // Plain fields always serialise.
    let value = serde_json::to_vec(&kept).unwrap_or_default();
    let id = live.id;
    core.ephemeral
        .lease(
            Kind::CallSignal,
            id.bytes(),
            holder.as_bytes(),
            &value,
            OFFER_LIFE,
        )
        .await?;
    Ok(())
}
