//! What a live connection tells the application.

use std::time::Duration;

use melo_domain::{DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::frame::StatusKind;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::call::CallEvent;
use super::changes::Change;
use super::messages::{Message, Refusal};
use crate::error::ClientError;
use crate::keystore::{ChatKind, Role};

/// What happens on a live connection.
#[derive(Debug)]
pub enum Event {
    /// Everything that was missed is here; what is sent goes out at once.
    Synced,
    /// The connection is gone; it is tried again.
    Disconnected {
        /// What was lost, for a person.
        reason: String,
        /// How long until the next attempt.
        retry_in: Duration,
    },
    /// A message arrived, or one's own other device sent one.
    Message(Message),
    /// A message of a chat that was given before as unreadable: its key has come.
    NowReadable(Message),
    /// Something was done to an earlier message.
    Change(Change),
    /// Something happened in a call.
    Call(CallEvent),
    /// Something happened to a group or channel.
    Chat(ChatEvent),
    /// How far messages of this account got. `Delivered` and `Read` speak for all messages of the log up to `seq`.
    Status {
        /// The message, when this device sent it; with `Queued`.
        client_id: Option<Uuid>,
        /// How far.
        status: StatusKind,
        /// Whom the message is for; of a message to a chat, oneself.
        to: Uid,
        /// The group or channel it is for.
        chat: Option<LogId>,
        /// The conversation.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// A message will not be sent.
    SendFailed {
        /// The message.
        client_id: Uuid,
        /// Why.
        error: SendError,
    },
    /// Somebody asks to become a contact.
    ContactRequest {
        /// Who.
        from: Uid,
        /// Their phone, unless they keep it to themselves.
        phone: Option<String>,
    },
    /// Somebody accepted one's request.
    ContactConfirmed {
        /// Who.
        from: Uid,
    },
    /// The devices of a contact, or one's own, changed.
    KeysChanged {
        /// Whose.
        uid: Uid,
        /// The identity is another one: nothing is sent to them until it is trusted.
        identity_changed: bool,
    },
    /// Somebody, one's own self one hopes, signed in to the account on another device.
    NewDevice {
        /// The device.
        device: DeviceHandle,
        /// What its program calls itself.
        name: String,
        /// Where it signed in from.
        address: String,
    },
    /// Something happened to the account that its owner should know.
    SecurityAlert {
        /// What, by a name that never changes meaning.
        alert: String,
        /// The device it is about.
        device: DeviceHandle,
    },
    /// A contact deleted their account: nothing can be written to them any more.
    ContactGone {
        /// Who it was.
        uid: Uid,
    },
    /// Messages before `first_seq` are gone; this device missed them.
    Missed {
        /// The conversation.
        log: LogId,
        /// The oldest message there is.
        first_seq: Seq,
    },
    /// The connection is over and is not tried again.
    Ended(Ended),
}

/// Why a message will not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server refuses it.
    #[error("{detail}")]
    Refused {
        /// The stable code.
        code: ErrorCode,
        /// What happened and what to do, for a person.
        detail: String,
    },
    /// It cannot be sealed for the devices there are now.
    #[error(transparent)]
    Seal(ClientError),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The server asks not to come back.
    #[error("the server ended the connection: {reason} ({code})")]
    Refused {
        /// The close code.
        code: u16,
        /// Its reason.
        reason: String,
    },
    /// Something on this side.
    #[error(transparent)]
    Failed(#[from] ClientError),
}

/// Something that happened to a group or channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatEvent {
    /// The chat's log, which is its id.
    pub chat: LogId,
    /// Where it stands: in the chat's log, or in one's private one.
    pub id: MessageId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub news: ChatNews,
}

/// What happened to a group or channel.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatNews {
    /// Somebody is a member now.
    Joined {
        /// Who.
        user: Uid,
        /// As what.
        role: Option<Role>,
        /// Who let them in; oneself by an invite.
        by: Option<Uid>,
        /// `added`, `invite`, `request`, `invitation` or `created`.
        how: String,
    },
    /// Somebody is no longer a member.
    Left {
        /// Who.
        user: Uid,
        /// Who took them out.
        by: Option<Uid>,
        /// `left`, `removed`, `banned` or `deleted`.
        how: String,
    },
    /// A member has another rank.
    RoleChanged {
        /// Who.
        user: Uid,
        /// The rank.
        role: Option<Role>,
        /// Who gave it.
        by: Option<Uid>,
    },
    /// Title, description, picture or rules are others.
    Changed {
        /// Who changed them.
        by: Option<Uid>,
        /// What is different, by its names on the wire.
        changes: Map<String, Value>,
    },
    /// The devices of a member changed.
    KeysChanged {
        /// Whose.
        user: Uid,
        /// The identity is another one: nobody writes to the chat from here until it is trusted.
        identity_changed: bool,
    },
    /// A key came that is not believed.
    KeyRefused {
        /// Who sent it.
        from: Uid,
        /// Why.
        refusal: Refusal,
    },
    /// One is a member of this chat now.
    Added {
        /// What it is called.
        title: String,
        /// Group or channel.
        kind: ChatKind,
        /// Who let one in.
        by: Option<Uid>,
    },
    /// One is no longer a member.
    Removed {
        /// Who took one out.
        by: Option<Uid>,
        /// `left`, `removed`, `banned` or `deleted`.
        how: String,
    },
    /// Somebody asks one to become a member.
    Invitation {
        /// What the chat is called.
        title: String,
        /// Group or channel.
        kind: ChatKind,
        /// Who asks.
        by: Option<Uid>,
    },
    /// Somebody asks to be let into a chat that one runs.
    JoinRequest {
        /// Who.
        user: Uid,
    },
}
