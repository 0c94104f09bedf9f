//! Frames of types that this server does not know: existing clients relay them to each other.

use std::borrow::Cow;
use std::fmt;

use melo_domain::{ChatId, Uid};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{ClientFrame, FrameError, Recipient};
use crate::ErrorCode;

/// The longest relayed frame, in bytes, without what the server puts in front.
pub const MAX_RELAYED_BYTES: usize = 64 * 1024;

/// Types that mean something between a client and this server.
const KNOWN: &[&str] = &[
    "account_deleted",
    "ack",
    "ack_read",
    "ack_received",
    "answer",
    "block_changed",
    "candidate",
    "chat_added",
    "chat_changed",
    "chat_invitation",
    "chat_key",
    "chat_removed",
    "contact_accepted",
    "contact_removed",
    "contact_request_ended",
    "contact_requested",
    "delete",
    "draft",
    "edit",
    "erased",
    "error",
    "event",
    "events",
    "get_history",
    "heartbeat",
    "history",
    "ice_candidate",
    "join_request",
    "keys_changed",
    "member_joined",
    "member_left",
    "message",
    "messages_read",
    "msg_status",
    "new_device",
    "offer",
    "pin",
    "ping",
    "pong",
    "react",
    "reauth",
    "relay",
    "relay_delivery",
    "relayed",
    "reset",
    "resume",
    "role_changed",
    "schedule_failed",
    "security_alert",
    "status_change",
    "subscription_confirmed",
    "subscription_request",
    "synced",
    "typing_start",
    "typing_stop",
    "unpin",
];
/// Beginnings of types that are the server's.
const KNOWN_BEGINNINGS: &[&str] = &[
    "call_",
    "ack_",
    "typing_",
    "chat_",
    "contact_",
    "subscription_",
    "presence_",
];
/// Members that the server writes itself, or that were for it.
const OWN_MEMBERS: &[&str] = &[
    "type",
    "target",
    "chat_id",
    "client_id",
    "from",
    "log",
    "seq",
    "at",
    "device",
    "event_id",
];

/// Whether frames of this type are relayed: up to 32 of `a-z`, `0-9`, `_`, and no meaning of its own here.
pub fn is_relayed(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=32).contains(&name.len())
        && name.bytes().all(letter)
        && !KNOWN.contains(&name)
        && !KNOWN_BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// An object's members in their order, their values as they were written.
pub(super) struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor).map(Members)
    }
}

/// A name, borrowed where it is written without escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a frame of a type that is relayed; `None` when this is none.
pub(super) fn parse(text: &str) -> Option<Result<ClientFrame<'_>, FrameError>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let find = |name: &str| {
        let found = members.iter().find(|(n, _)| n == name);
        found
            .map(|(_, value)| *value)
            .filter(|value| value.get() != "null")
    };
    let name: String = serde_json::from_str(find("type")?.get()).ok()?;
    let (target, chat) = (find("target"), find("chat_id"));
    if !is_relayed(&name) || (target.is_none() && chat.is_none()) {
        return None;
    }
    let client_id = find("client_id").map(|id| serde_json::from_str::<Uuid>(id.get()));
    let known_id = client_id.as_ref().and_then(|id| id.as_ref().ok()).copied();
    let refuse = |code, detail: &str| FrameError {
        code,
        detail: detail.to_owned(),
        client_id: known_id,
    };
    let invalid = |detail| refuse(ErrorCode::ValidationFailed, detail);
    let to = match (target, chat) {
        (Some(_), Some(_)) => Err(invalid("target and chat_id cannot both be given")),
        (Some(target), None) => serde_json::from_str::<Uid>(target.get())
            .map(Recipient::Person)
            .map_err(|_| invalid("target must be a user id of eight digits, like 10000001")),
        (None, chat) => serde_json::from_str::<ChatId>(chat.map_or("null", RawValue::get))
            .map(Recipient::Chat)
            .map_err(|_| invalid("chat_id must be the integer that names a chat")),
    };
    if let Some(Err(_)) = client_id {
        return Some(Err(invalid("client_id must be a UUID")));
    }
    let members = rest(&members);
    if members.len() > MAX_RELAYED_BYTES {
        return Some(Err(refuse(
            ErrorCode::TooLarge,
            "a frame of this type may be at most 64 KiB long",
        )));
    }
    Some(to.map(|to| ClientFrame::Relayed {
        to,
        name,
        members,
        client_id: known_id,
    }))
}

/// What the frame says besides its address, as an object.
fn rest(members: &[(Cow<'_, str>, &RawValue)]) -> String {
    let mut text = String::from("{");
    for (name, value) in members {
        if OWN_MEMBERS.contains(&name.as_ref()) {
            continue;
        }
        if text.len() > 1 {
            text.push(',');
        }
        // A string always serialises.
        text.push_str(&serde_json::to_string(name).unwrap_or_default());
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(text: &str) -> (Recipient, String, String) {
        match parse(text) {
            Some(Ok(ClientFrame::Relayed {
                to, name, members, ..
            })) => (to, name, members),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_frame_keeps_its_members_and_loses_what_is_the_servers_to_say() {
        let (to, name, members) = relayed(
            r#"{"type":"sticker","target":"10000001","pack" : 1.50,"from":"someone else","seq":9,"log":{},"message_id":"m","q\"uote":[1]}"#,
        );
        assert_eq!(to, Recipient::Person("10000001".parse().unwrap()));
        assert_eq!(name, "sticker");
        assert_eq!(members, r#"{"pack":1.50,"message_id":"m","q\"uote":[1]}"#);
        let (_, _, none) = relayed(r#"{"type":"wave","chat_id":7}"#);
        assert_eq!(none, "{}");
    }

    #[test]
    fn what_has_a_meaning_is_not_relayed() {
        let long = "x".repeat(33);
        for name in [
            "relay",
            "offer",
            "call_start",
            "ack_all",
            "pong",
            "Sticker",
            "a-b",
            "",
            &long,
        ] {
            let text = format!(r#"{{"type":"{name}","target":"10000001"}}"#);
            assert!(parse(&text).is_none(), "{name}");
        }
        assert!(parse(r#"{"type":"sticker"}"#).is_none(), "for nobody");
        for bad in [
            r#"{"type":"sticker","target":"x"}"#,
            r#"{"type":"sticker","target":"10000001","chat_id":7}"#,
            r#"{"type":"sticker","chat_id":"x"}"#,
            r#"{"type":"sticker","chat_id":7,"client_id":"x"}"#,
        ] {
            let refused = parse(bad).unwrap().unwrap_err();
            assert_eq!(refused.code, ErrorCode::ValidationFailed, "{bad}");
        }
        let huge = format!(
            r#"{{"type":"sticker","chat_id":7,"data":"{}"}}"#,
            "x".repeat(MAX_RELAYED_BYTES)
        );
        assert_eq!(parse(&huge).unwrap().unwrap_err().code, ErrorCode::TooLarge);
    }
}
