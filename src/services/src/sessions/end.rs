//! Ends sessions: the rows in the caller's transaction, the live connections after it.

use std::sync::Arc;

use melo_domain::{SessionId, Uid};
use melo_protocol::CloseCode;
use melo_realtime::{BusMessage, Close};
use melo_storage::sessions::{self, Which};
use melo_storage::{ConnectionTrait, StorageError};

use crate::Core;

/// Sessions whose rows are ended and whose connections do not know it yet.
#[must_use = "tell after the commit"]
pub(crate) struct Ended {
    uid: Uid,
    sessions: Vec<SessionId>,
}

impl Ended {
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.sessions.len()).unwrap_or(u64::MAX)
    }
}

/// Ends sessions of `uid` in this transaction.
pub(crate) async fn end(
    tx: &impl ConnectionTrait,
    uid: Uid,
    which: Which,
) -> Result<Ended, StorageError> {
    let sessions = sessions::end(tx, uid, which).await?;
    Ok(Ended { uid, sessions })
}

/// Closes their connections and has their access tokens refused, here and on every other node.
pub(crate) fn tell(core: &Core, ended: Ended, code: CloseCode) {
    if ended.sessions.is_empty() {
        return;
    }
    let reason = match code {
        CloseCode::AccountLocked => "this account, or its device or phone, was locked or banned",
        _ => "this session was ended",
    };
    core.bus.publish(BusMessage::SessionsEnded {
        uid: ended.uid,
        sessions: Arc::from(ended.sessions),
        close: Close {
            code,
            reason: reason.to_owned(),
        },
    });
}
