//! Frames from the server. Each serialises with its `type`; clients read them with the same structs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use melo_domain::{ChatId, DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::ErrorCode;

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusKind {
    /// Committed to disk.
    Queued,
    /// On a device of the recipient.
    Delivered,
    /// Read by the recipient.
    Read,
    /// Refused for now: too many messages in too short a time.
    RateLimited,
}

/// `msg_status`: the answer to `relay`, and later the receipts. `delivered` and `read` are cumulative: they
/// speak for every message of the log up to `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "msg_status")]
pub struct MsgStatus {
    /// How far it got.
    pub status: StatusKind,
    /// The message; absent when it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The sender's own id of the message, when it gave one; in the sender's frames only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
    /// The log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogId>,
    /// The position in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// When it was committed, delivered or read.
    pub at: Timestamp,
    /// Who sent the message.
    pub from: Uid,
    /// Whom it was for, or who has it. Of a message to a chat, the sender.
    pub to: Uid,
    /// The group or channel; a direct message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// Seconds until the next try; with `rate_limited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// `relay_delivery`: a message.
#[derive(Debug, Deserialize)]
pub struct RelayDelivery {
    /// The message.
    pub message_id: MessageId,
    /// Who sent it.
    pub from: Uid,
    /// What was sent: a string or an object.
    pub payload: Box<RawValue>,
    /// The log.
    pub log: LogId,
    /// The position in it.
    pub seq: Seq,
    /// When the server took it.
    pub at: Timestamp,
    /// The device that sent it.
    pub device: Option<DeviceHandle>,
    /// The group or channel; a direct message has none.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
}

/// Writes a `relay_delivery` whose payload's text is given. By hand, as it is the hottest frame of all;
/// a test holds it to [`RelayDelivery`].
pub fn render_opaque_delivery(
    id: MessageId,
    from: Uid,
    device: Option<DeviceHandle>,
    at: Timestamp,
    chat: Option<LogId>,
    payload: &str,
) -> String {
    let mut text = String::with_capacity(payload.len() + 256);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        r#"{{"type":"relay_delivery","message_id":"{id}","from":"{from}","log":"{}","seq":{},"at":"{at}","#,
        id.log, id.seq
    );
    if let Some(device) = device {
        let _ = write!(text, r#""device":"{device}","#);
    }
    if let Some(chat) = chat {
        let _ = write!(text, r#""chat_id":{chat},"#);
    }
    text.push_str(r#""payload":"#);
    text.push_str(payload);
    text.push('}');
    text
}

/// Notices in a person's private log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LogEventFrame<'a> {
    /// Somebody asks to become a contact.
    SubscriptionRequest {
        /// Who asks.
        from_id: Uid,
        /// Their phone, unless they asked secretly.
        from_phone: Option<Cow<'a, str>>,
        /// Whether they keep their phone to themselves.
        secret: bool,
        /// The recipient's private log.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// A request was accepted; the two are contacts.
    SubscriptionConfirmed {
        /// Who accepted.
        from_id: Uid,
        /// Their phone, unless the request was secret.
        from_phone: Option<Cow<'a, str>>,
        /// The new conversation's log.
        chat_log: LogId,
        /// The recipient's private log.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// The device keys of a contact, or one's own, changed: fetch `/keys/{uid}`.
    KeysChanged {
        /// Whose.
        user_id: Uid,
        /// The directory's new version.
        version: u64,
        /// Whether the identity key itself is another one.
        identity_changed: bool,
        /// The recipient's private log.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// The account signed in on a device that it had not used before.
    NewDevice {
        /// The device.
        device: DeviceHandle,
        /// `pc`, `phone` and the like.
        device_type: Cow<'a, str>,
        /// What its program calls itself.
        device_name: Cow<'a, str>,
        /// Where it signed in from.
        ip_address: Cow<'a, str>,
        /// The recipient's private log.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// Something happened to the account that its owner should know.
    SecurityAlert {
        /// `device_token_reused`: a device token that had been replaced was shown again.
        alert: Cow<'a, str>,
        /// The device it is about.
        device: DeviceHandle,
        /// The recipient's private log.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// A contact's account was deleted, and their keys with it: nothing can be written to them any more.
    AccountDeleted {
        /// Whose.
        user_id: Uid,
        /// The conversation, which stays readable.
        chat_log: LogId,
        /// The recipient's private log.
        log: LogId,
        /// The position in it.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
}

/// What a contact is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactState {
    /// `online`, `was at <time>` or `inactive`.
    pub status: Cow<'static, str>,
    /// Whether they are writing to you.
    pub typing: bool,
}

/// `pong`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "pong")]
pub struct Pong {
    /// Every contact's state.
    pub contacts_status: BTreeMap<Uid, ContactState>,
    /// [`SERVER_VERSION`](crate::SERVER_VERSION).
    pub server_version: Cow<'static, str>,
    /// The server's time.
    pub timestamp: Timestamp,
}

/// `history`: the newest page of a direct conversation, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "history")]
pub struct History {
    /// The other person.
    pub target: Uid,
    /// Payload strings; an object payload as its JSON text.
    pub messages: Vec<String>,
}

/// `synced`: everything after the cursors was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "synced")]
pub struct Synced {
    /// Where each of the device's logs now stands.
    pub cursors: BTreeMap<LogId, Seq>,
}

/// `reset`: events before `first_seq` are gone; this device missed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "reset")]
pub struct Reset {
    /// The log.
    pub log: LogId,
    /// The oldest event there is.
    pub first_seq: Seq,
}

/// `error`: the answer to a frame that could not be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "error")]
pub struct ErrorFrame {
    /// The frame's own `client_id`, when it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
    /// The stable code.
    pub code: ErrorCode,
    /// What happened and what to do, for a person.
    pub detail: String,
    /// Whether sending the same again may succeed.
    pub retryable: bool,
    /// Seconds to wait before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Key ids of devices the envelope forgot; with `device_mismatch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Key ids the envelope should not have; with `device_mismatch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
}

impl ErrorFrame {
    /// An error without further members.
    pub fn new(code: ErrorCode, detail: impl Into<String>, client_id: Option<Uuid>) -> Self {
        Self {
            client_id,
            code,
            detail: detail.into(),
            retryable: code.retryable(),
            retry_after: None,
            missing: Vec::new(),
            extra: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_written_delivery_is_what_clients_read() {
        let log = LogId::from_random(77);
        let id = MessageId { log, seq: 3 };
        let (from, device) = (Uid::from_random(1), DeviceHandle::from_random(1 << 40));
        let at = Timestamp::from_millis(1_795_162_530_123);
        let text = render_opaque_delivery(id, from, Some(device), at, Some(log), r#""pay\"load""#);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["type"], "relay_delivery");
        let read: RelayDelivery = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (read.message_id, read.from, read.device),
            (id, from, Some(device))
        );
        assert_eq!((read.log, read.seq, read.at), (log, 3, at));
        assert_eq!(read.payload.get(), r#""pay\"load""#);
    }

    #[test]
    fn frames_carry_their_type() {
        let frame = ErrorFrame::new(ErrorCode::RateLimited, "slow down", None);
        let value = serde_json::to_value(&frame).unwrap();
        assert_eq!(value["type"], "error");
        assert_eq!(value["retryable"], true);
        assert!(value.get("client_id").is_none());
    }
}
