//! Frames about what happens in chats, and to messages after they were sent.

use melo_domain::{ChatId, DeviceHandle, LogId, MessageId, Seq, Timestamp, Uid};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::keystore::{Act, ChatKind, Role, Target};

/// What a [`ChangeFrame`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// `edit`: a message says something else.
    Edit,
    /// `delete`: a message is gone.
    Delete,
    /// `pin`: a message is shown on top, or no longer.
    Pin,
    /// `react`: somebody's opinion of a message.
    React,
    /// `chat_key`: a chat's key, for this device.
    ChatKey,
}

impl ChangeKind {
    /// The kind of that frame type.
    pub(super) fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "edit" => Self::Edit,
            "delete" => Self::Delete,
            "pin" => Self::Pin,
            "react" => Self::React,
            "chat_key" => Self::ChatKey,
            _ => return None,
        })
    }
}

/// Something done to an earlier message, or a key.
#[derive(Debug, Deserialize)]
pub struct ChangeFrame {
    /// The log.
    pub log: LogId,
    /// The position in it.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// The group or channel; a conversation of two has none.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
    /// Who.
    pub from: Uid,
    /// From which device.
    #[serde(default)]
    pub device: Option<DeviceHandle>,
    /// The message that is changed; a key has none.
    #[serde(default)]
    pub message_id: Option<MessageId>,
    /// What was sealed.
    #[serde(default)]
    pub payload: Option<Box<RawValue>>,
    /// A reaction that was not sealed.
    #[serde(default)]
    pub reaction: Option<String>,
    /// Whether the message is pinned now.
    #[serde(default)]
    pub pinned: Option<bool>,
}

/// What a [`ChatNotice`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// `member_joined`.
    MemberJoined,
    /// `member_left`.
    MemberLeft,
    /// `role_changed`.
    RoleChanged,
    /// `chat_changed`.
    ChatChanged,
    /// `keys_changed` in the log of a chat.
    KeysChanged,
    /// `chat_added`, in one's private log.
    ChatAdded,
    /// `chat_removed`, in one's private log.
    ChatRemoved,
    /// `chat_invitation`, in one's private log.
    ChatInvitation,
    /// `join_request`, in one's private log.
    JoinRequest,
}

impl NoticeKind {
    /// The kind of that frame type. `keys_changed` is one only in the log of a chat.
    pub(super) fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "member_joined" => Self::MemberJoined,
            "member_left" => Self::MemberLeft,
            "role_changed" => Self::RoleChanged,
            "chat_changed" => Self::ChatChanged,
            "chat_added" => Self::ChatAdded,
            "chat_removed" => Self::ChatRemoved,
            "chat_invitation" => Self::ChatInvitation,
            "join_request" => Self::JoinRequest,
            _ => return None,
        })
    }
}

/// Something that happened to a chat or its members. Which members there are depends on the kind.
#[derive(Debug, Deserialize)]
pub struct ChatNotice {
    /// The log that it stands in: the chat's, or one's private one.
    pub log: LogId,
    /// The position in it.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// The chat that it is about.
    pub chat_id: ChatId,
    /// Whom it is about.
    #[serde(default)]
    pub user_id: Option<Uid>,
    /// Who did it.
    #[serde(default)]
    pub by: Option<Uid>,
    /// The rank from now on.
    #[serde(default)]
    pub role: Option<Role>,
    /// In what way.
    #[serde(default)]
    pub how: Option<String>,
    /// What the chat is called.
    #[serde(default)]
    pub title: Option<String>,
    /// Group or channel.
    #[serde(default, alias = "kind")]
    pub chat_type: Option<ChatKind>,
    /// What is different now.
    #[serde(default)]
    pub changes: Map<String, Value>,
    /// The version of somebody's key directory.
    #[serde(default)]
    pub version: u64,
}

/// The frame that sends something: `relay`, `edit`, `react`, `delete`, `pin`, `unpin`.
pub fn outgoing(act: Act, target: Target, payload: Option<&RawValue>, client_id: Uuid) -> String {
    let kind = name_of(act);
    let to = match target {
        Target::Person(uid) => format!(r#""target":"{uid}""#),
        Target::Chat { chat } => format!(r#""chat_id":{chat}"#),
    };
    let of = message_of(act).map(|message| format!(r#","message_id":"{message}""#));
    let of = of.unwrap_or_default();
    let mut frame = format!(r#"{{"type":"{kind}","client_id":"{client_id}",{to}{of}"#);
    if let Some(payload) = payload {
        frame.push_str(r#","payload":"#);
        frame.push_str(payload.get());
    }
    frame.push('}');
    frame
}

/// The type of the frame, and the last part of the path of the call.
pub(crate) fn name_of(act: Act) -> &'static str {
    match act {
        Act::Message => "relay",
        Act::Edit(_) => "edit",
        Act::React(_) => "react",
        Act::Delete(_) => "delete",
        Act::Pin(_) => "pin",
        Act::Unpin(_) => "unpin",
    }
}

/// The message that something is done to.
pub(crate) fn message_of(act: Act) -> Option<MessageId> {
    match act {
        Act::Message => None,
        Act::Edit(id) | Act::React(id) | Act::Delete(id) | Act::Pin(id) | Act::Unpin(id) => {
            Some(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Incoming;
    use super::*;

    fn message() -> MessageId {
        MessageId {
            log: LogId::from_random(5),
            seq: 3,
        }
    }

    #[test]
    fn every_act_has_its_frame() {
        let payload = RawValue::from_string(r#"{"x":"\""}"#.to_owned()).unwrap();
        let (id, chat) = (Uuid::from_u128(9), LogId::from_random(5));
        let frame = outgoing(Act::Message, Target::chat(chat), Some(&payload), id);
        let expected = json!({"type": "relay", "client_id": id, "chat_id": ChatId(chat), "payload": {"x": "\""}});
        assert_eq!(serde_json::from_str::<Value>(&frame).unwrap(), expected);
        let uid = Uid::from_random(1);
        let frame = outgoing(Act::Unpin(message()), uid.into(), None, id);
        let expected =
            json!({"type": "unpin", "client_id": id, "target": uid, "message_id": message()});
        assert_eq!(serde_json::from_str::<Value>(&frame).unwrap(), expected);
    }

    #[test]
    fn changes_and_notices_are_told_apart() {
        let text = json!({"type": "edit", "from": "10000001", "log": "7", "seq": 4, "chat_id": 7,
            "at": "2026-11-20T08:15:30.123Z", "device": "00000000000000ab", "event_id": message(),
            "message_id": message(), "payload": {"v": 1}});
        let Ok(Incoming::Change(ChangeKind::Edit, edit)) = Incoming::parse(&text.to_string())
        else {
            panic!("not an edit");
        };
        assert_eq!(edit.message_id, Some(message()));
        assert_eq!(edit.payload.unwrap().get(), r#"{"v":1}"#);
        let text = json!({"type": "member_joined", "log": "7", "seq": 5, "chat_id": 7, "at": "2026-11-20T08:15:30.123Z",
            "user_id": "10000001", "role": "member", "by": "10000002", "how": "added"});
        let Ok(Incoming::Chat(NoticeKind::MemberJoined, joined)) =
            Incoming::parse(&text.to_string())
        else {
            panic!("not a member");
        };
        assert_eq!(
            joined.role.map(|r| r.to_string()),
            Some("member".to_owned())
        );
    }

    #[test]
    fn keys_changed_belongs_to_a_chat_or_to_oneself() {
        let mut frame = json!({"type": "keys_changed", "user_id": "10000001", "version": 3, "identity_changed": false,
            "log": "7", "seq": 2, "at": "2026-11-20T08:15:30.123Z"});
        assert!(matches!(
            Incoming::parse(&frame.to_string()),
            Ok(Incoming::Notice(_))
        ));
        frame["chat_id"] = json!(7);
        assert!(matches!(
            Incoming::parse(&frame.to_string()),
            Ok(Incoming::Chat(NoticeKind::KeysChanged, n)) if n.version == 3
        ));
    }
}
