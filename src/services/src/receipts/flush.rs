//! Tells the members of chats how far the others are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use melo_domain::{ChatId, LogId, MessageId, Privacy, Seq, Uid};
use melo_protocol::frame::{MessagesRead, MsgStatus, StatusKind};
use melo_realtime::BusMessage;
use melo_storage::{StorageError, blocks, events};

use super::buffer::Span;
use crate::caches::Told;
use crate::chats::{self, ChatError, Room};
use crate::people::privacies_of;
use crate::{Core, Fault};

/// In a chat of more people receipts are not told, only listed.
const MOST_MEMBERS: usize = 100;
/// Members whose news are told in one turn.
const AT_ONCE: usize = 500;
/// Whose messages those are is looked up this far back.
const REACH: Seq = 1000;

/// Tells what has gathered. The server calls this twice a second.
pub async fn flush(core: &Core) -> Result<(), StorageError> {
    for ((log, reader), span) in core.receipts.take(AT_ONCE) {
        let room = match chats::room(core, log).await {
            Ok(room) => room,
            Err(ChatError::Fault(Fault::Storage(error))) => return Err(error),
            // It was deleted.
            Err(_) => continue,
        };
        if room.members.len() <= MOST_MEMBERS && room.members.contains(&reader) {
            tell(core, &room, reader, span).await?;
        }
    }
    Ok(())
}

/// Who of a chat may learn of the reader's progress.
struct Listeners {
    blocked: HashSet<Uid>,
    privacies: HashMap<Uid, Privacy>,
    reader: Uid,
}

impl Listeners {
    async fn of(core: &Core, room: &Room, reader: Uid) -> Result<Self, StorageError> {
        let blocked = blocks::around(core.store.db.read(), reader).await?;
        Ok(Self {
            blocked: blocked.into_iter().collect(),
            privacies: privacies_of(core, &room.members).await?,
            reader,
        })
    }

    fn hears(&self, uid: Uid) -> bool {
        uid != self.reader && !self.blocked.contains(&uid)
    }

    /// Who does not tell is not told either.
    fn hears_of_reading(&self, uid: Uid) -> bool {
        let tells = |uid: &Uid| self.privacies.get(uid).is_some_and(|p| p.read_receipts);
        self.hears(uid) && tells(&uid) && tells(&self.reader)
    }
}

async fn tell(core: &Core, room: &Room, reader: Uid, span: Span) -> Result<(), StorageError> {
    let (log, to) = (room.log, span.to);
    let told = core.caches.told.get(&(log, reader)).unwrap_or_default();
    let delivered = told.delivered.max(span.from.delivered);
    let read = told.read.max(span.from.read);
    let news = Told {
        delivered: told.delivered.max(to.delivered),
        read: told.read.max(to.read),
    };
    core.caches.told.insert((log, reader), news);
    let listeners = Listeners::of(core, room, reader).await?;
    let authors_read = authors(core, log, read, to.read).await?;
    let readable: Vec<(Uid, Seq)> = authors_read
        .into_iter()
        .filter(|(author, _)| room.members.contains(author) && listeners.hears_of_reading(*author))
        .collect();
    for (author, seq) in authors(core, log, delivered, to.delivered).await? {
        // Read implies delivered.
        let implied = readable
            .iter()
            .any(|(one, upto)| *one == author && *upto >= seq);
        if !implied && room.members.contains(&author) && listeners.hears(author) {
            send(core, log, reader, author, seq, StatusKind::Delivered);
        }
    }
    for (author, seq) in readable {
        send(core, log, reader, author, seq, StatusKind::Read);
    }
    if to.read > read {
        let others = room.members.iter().copied();
        let others: Arc<[Uid]> = others
            .filter(|uid| listeners.hears_of_reading(*uid))
            .collect();
        tell_all(core, log, reader, to.read, others);
    }
    Ok(())
}

/// Whose messages lie between the two, and each one's last.
async fn authors(
    core: &Core,
    log: LogId,
    after: Seq,
    upto: Seq,
) -> Result<Vec<(Uid, Seq)>, StorageError> {
    if upto <= after {
        return Ok(Vec::new());
    }
    let after = after.max(upto.saturating_sub(REACH));
    events::last_of_senders(core.store.db.read(), log, after, upto).await
}

fn send(core: &Core, log: LogId, reader: Uid, author: Uid, seq: Seq, status: StatusKind) {
    let frame = MsgStatus {
        status,
        message_id: Some(MessageId { log, seq }),
        client_id: None,
        log: Some(log),
        seq: Some(seq),
        at: core.now(),
        from: author,
        to: reader,
        chat_id: Some(ChatId(log)),
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

fn tell_all(core: &Core, log: LogId, reader: Uid, seq: Seq, others: Arc<[Uid]>) {
    let frame = MessagesRead {
        user_id: reader,
        chat_id: Some(ChatId(log)),
        peer: None,
        last_read_message_id: MessageId { log, seq },
        log,
        seq,
        timestamp: core.now(),
    };
    if let Ok(text) = serde_json::to_string(&frame) {
        core.bus.publish(BusMessage::ToUsers {
            uids: others,
            frame: text.into(),
        });
    }
}
