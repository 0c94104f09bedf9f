//! What a device has sent before under the same id: its first answer stands, whatever has changed since. The answer may
//! have been lost with the connection, and the sender may have lost the right to write meanwhile.

use melo_storage::{Appended, Receipt, contacts, events};
use uuid::Uuid;

use super::{Accepted, Destination, MessageError};
use crate::{Caller, Core};

/// The first answer to what would be refused now; or the refusal.
pub(super) async fn answer_or(
    core: &Core,
    caller: Caller,
    to: Destination,
    client_id: Option<Uuid>,
    refusal: MessageError,
) -> Result<Accepted, MessageError> {
    let Some(id) = client_id.filter(|_| !matches!(refusal, MessageError::Fault(_))) else {
        return Err(refusal);
    };
    let (db, keys) = (core.store.db.read(), &core.store.keys);
    let Some(first) = events::by_client_id(db, keys, caller.device, id).await? else {
        return Err(refusal);
    };
    let log = match to {
        Destination::Chat(log) => Some(log),
        Destination::Person(other) => contacts::find(db, caller.uid, other)
            .await?
            .and_then(|contact| contact.log),
    };
    if log != Some(first.log) {
        return Err(refusal);
    }
    Ok(Accepted {
        receipt: Receipt::of_earlier(Appended::from(&first)),
        to,
        recipients: None,
        client_id,
    })
}
