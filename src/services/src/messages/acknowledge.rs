//! A device has received, or a person has read, everything up to an event.

use melo_domain::{LogId, Seq, Uid};
use melo_protocol::frame::{MsgStatus, StatusKind};
use melo_realtime::BusMessage;
use melo_storage::cursors::Position;
use melo_storage::logs;

use super::MessageError;
use crate::{Caller, Core};

/// What is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The device has it.
    Delivered,
    /// The person has read it.
    Read,
}

/// Moves the device's position and tells the other person, if that is news to them. The caller must have
/// been sent the event, which is the connection's to check.
pub async fn acknowledge(
    core: &Core,
    caller: Caller,
    log: LogId,
    seq: Seq,
    progress: Progress,
) -> Result<(), MessageError> {
    let read = if progress == Progress::Read { seq } else { 0 };
    core.cursors.note(
        caller.device,
        log,
        Position {
            delivered: seq,
            read,
        },
    );
    let Some(peer) = peer_of(core, caller.uid, log).await? else {
        return Ok(());
    };
    let news = core
        .caches
        .told
        .entry((log, caller.uid))
        .or_default()
        .into_value();
    let mut told = news;
    let status = match progress {
        Progress::Delivered if seq > told.delivered => StatusKind::Delivered,
        Progress::Read if seq > told.read => StatusKind::Read,
        _ => return Ok(()),
    };
    told.delivered = told.delivered.max(seq);
    told.read = told.read.max(read);
    core.caches.told.insert((log, caller.uid), told);
    tell(core, caller.uid, peer, log, seq, status);
    Ok(())
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
async fn peer_of(core: &Core, uid: Uid, log: LogId) -> Result<Option<Uid>, MessageError> {
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
