//! One entry of a log, as every layer above the database sees it.

use uuid::Uuid;

use crate::{DeviceHandle, EventKind, LogId, MessageId, Seq, Timestamp, Uid};

/// A committed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// The log.
    pub log: LogId,
    /// The position in it.
    pub seq: Seq,
    /// What happened.
    pub kind: EventKind,
    /// Who caused it.
    pub sender: Uid,
    /// From which device, when a device did.
    pub device: Option<DeviceHandle>,
    /// The sender's own id of it.
    pub client_id: Option<Uuid>,
    /// When the server took it.
    pub at: Timestamp,
    /// JSON text: for a message the payload as it was sent, else the notice's own members.
    pub payload: Box<str>,
}

impl LogEvent {
    /// Its name on the wire.
    pub fn message_id(&self) -> MessageId {
        MessageId {
            log: self.log,
            seq: self.seq,
        }
    }
}
