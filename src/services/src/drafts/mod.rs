//! What a person has begun to write: kept sealed for all their devices, the latest of each conversation.

use std::borrow::Cow;

use melo_domain::{ChatAction, ChatId, DeviceHandle, LogId, Timestamp, Uid};
use melo_protocol::frame::DraftFrame;
use melo_realtime::BusMessage;
use melo_storage::drafts;
pub use melo_storage::drafts::Draft;
use melo_storage::scheduled::Addressee;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::messages::{Destination, MessageError, route};
use crate::{Caller, Core};

/// The longest draft, in bytes of JSON text.
pub const MAX_DRAFT_BYTES: usize = 64 * 1024;
/// Conversations of one person with a draft.
const MAX_DRAFTS: u64 = 100;

/// A draft as it was taken.
#[derive(Debug, Clone, Copy)]
pub struct Saved {
    log: LogId,
    to: Destination,
    at: Timestamp,
    device: DeviceHandle,
}

impl Saved {
    /// When it was taken.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Its frame.
    pub fn frame<'a>(
        &self,
        payload: Option<&'a RawValue>,
        client_id: Option<Uuid>,
    ) -> DraftFrame<'a> {
        let (target, chat_id) = addressee(self.to);
        DraftFrame {
            target,
            chat_id,
            log: self.log,
            payload: payload.map(Cow::Borrowed),
            at: self.at,
            device: self.device,
            client_id,
        }
    }
}

fn addressee(to: Destination) -> (Option<Uid>, Option<ChatId>) {
    match to {
        Destination::Person(uid) => (Some(uid), None),
        Destination::Chat(log) => (None, Some(ChatId(log))),
    }
}

/// Keeps a draft, in place of the one before; `None` takes it away. The person's other devices are told.
pub async fn save(
    core: &Core,
    caller: Caller,
    to: Destination,
    payload: Option<&RawValue>,
) -> Result<Saved, MessageError> {
    if payload.is_some_and(|payload| payload.get().len() > MAX_DRAFT_BYTES) {
        return Err(MessageError::TooLarge);
    }
    let log = match payload {
        Some(_) => route::find(core, caller.uid, to, ChatAction::Write)
            .await?
            .log(),
        // What one may no longer write to can be cleared still.
        None => route::readable(core, caller.uid, to).await?.0,
    };
    let saved = Saved {
        log,
        to,
        at: core.now(),
        device: caller.device,
    };
    let (db, keys) = (core.store.db.write(), &core.store.keys);
    match payload {
        Some(payload) => {
            if drafts::count_others(db, caller.uid, log).await? >= MAX_DRAFTS {
                return Err(MessageError::TooManyDrafts);
            }
            let draft = Draft {
                log,
                to: Addressee::from(to),
                payload: payload.get().to_owned(),
                at: saved.at,
            };
            drafts::put(db, keys, caller.uid, &draft).await?;
        }
        None => drafts::remove(db, caller.uid, log).await?,
    }
    // A struct of plain fields always serialises.
    if let Ok(text) = serde_json::to_string(&saved.frame(payload, None)) {
        core.bus.publish(BusMessage::ToOtherDevices {
            uid: caller.uid,
            but: caller.device,
            frame: text.into(),
        });
    }
    Ok(saved)
}

/// All drafts of the caller.
pub async fn list(core: &Core, caller: Caller) -> Result<Vec<Draft>, MessageError> {
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    Ok(drafts::of_person(db, keys, caller.uid).await?)
}
