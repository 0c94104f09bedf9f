//! What has been read on one device need not be shown as new on the person's others.

use melo_domain::{ChatId, LogKind, MessageId};
use melo_protocol::frame::MessagesRead;
use melo_realtime::BusMessage;

use super::Moved;
use crate::messages::{MessageError, peer_of};
use crate::{Caller, Core};

pub(super) async fn tell(core: &Core, caller: Caller, moved: Moved) -> Result<(), MessageError> {
    let (chat_id, peer) = match moved.kind {
        LogKind::Private => return Ok(()),
        LogKind::Direct => (None, peer_of(core, caller.uid, moved.log).await?),
        LogKind::Group | LogKind::Channel => (Some(ChatId(moved.log)), None),
    };
    let seq = moved.after.read;
    let frame = MessagesRead {
        user_id: caller.uid,
        chat_id,
        peer,
        last_read_message_id: MessageId {
            log: moved.log,
            seq,
        },
        log: moved.log,
        seq,
        timestamp: core.now(),
    };
    // A struct of plain fields always serialises.
    if let Ok(text) = serde_json::to_string(&frame) {
        core.bus.publish(BusMessage::ToOtherDevices {
            uid: caller.uid,
            but: caller.device,
            frame: text.into(),
        });
    }
    Ok(())
}
