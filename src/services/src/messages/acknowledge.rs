//! A device has received, or a person has read, everything up to an event.

use melo_domain::{LogId, Seq, Uid};
use melo_protocol::frame::{MsgStatus, StatusKind};
use melo_realtime::BusMessage;
use melo_storage::cursors::Position;
use melo_storage::logs;

use super::MessageError;
use crate::caches::Told;
use crate::{Caller, Core, people};

/// What is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The device has it.
    Delivered,
    /// The person has read it.
    Read,
}

/// Notes the device's new position and tells the other person what is news to them. The caller must have
/// been sent the events, which is the connection's to check.
pub(crate) async fn acknowledge(
    core: &Core,
    caller: Caller,
    log: LogId,
    position: Position,
) -> Result<(), MessageError> {
    core.cursors.note(caller.device, log, position);
    let Some(peer) = peer_of(core, caller.uid, log).await? else {
        return Ok(());
    };
    let told = core.caches.told.get(&(log, caller.uid)).unwrap_or_default();
    let mut news = Told {
        delivered: told.delivered.max(position.delivered),
        read: told.read.max(position.read),
    };
    if people::blocks_between(core, caller.uid, peer).await?.any() {
        return Ok(());
    }
    if news.read > told.read && !both_tell(core, caller.uid, peer).await? {
        // As far as the author learns, it lies there unread.
        news.read = told.read;
    }
    core.caches.told.insert((log, caller.uid), news);
    if news.read > told.read {
        tell(core, caller.uid, peer, log, news.read, StatusKind::Read);
    }
    // Read implies delivered.
    if news.delivered > told.delivered.max(news.read) {
        tell(
            core,
            caller.uid,
            peer,
            log,
            news.delivered,
            StatusKind::Delivered,
        );
    }
    Ok(())
}

/// Whether what one of them has read is for the other to know: who does not tell is not told either.
async fn both_tell(core: &Core, one: Uid, other: Uid) -> Result<bool, MessageError> {
    let privacies = people::privacies_of(core, &[one, other]).await?;
    Ok(privacies.values().all(|privacy| privacy.read_receipts))
}

fn tell(core: &Core, reader: Uid, author: Uid, log: LogId, seq: Seq, status: StatusKind) {
    let frame = MsgStatus {
        status,
        message_id: Some(melo_domain::MessageId { log, seq }),
        client_id: None,
        log: Some(log),
        seq: Some(seq),
        at: core.clock.now(),
        from: author,
        to: reader,
        chat_id: None,
        retry_after: None,
    };
    // A struct of plain fields always serialises.
    if let Ok(text) = serde_json::to_string(&frame) {
        core.bus.publish(BusMessage::ToUser {
            uid: author,
            frame: text.into(),
        });
    }
}

/// The other person of a direct log; none for a private one.
pub(crate) async fn peer_of(
    core: &Core,
    uid: Uid,
    log: LogId,
) -> Result<Option<Uid>, MessageError> {
    if let Some(peer) = core.caches.peers.get(&(log, uid)) {
        return Ok((peer != uid).then_some(peer));
    }
    let members = logs::members(core.store.db.read(), log).await?;
    if !members.contains(&uid) {
        return Err(MessageError::NotFound);
    }
    let peer = members.into_iter().find(|m| *m != uid);
    core.caches.peers.insert((log, uid), peer.unwrap_or(uid));
    Ok(peer)
}
