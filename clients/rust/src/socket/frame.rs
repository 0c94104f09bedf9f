//! Frames as this client reads and writes them.

use std::collections::BTreeMap;

use melo_domain::{LogId, MessageId, Secret, Seq, Uid};
use melo_protocol::frame::{
    ErrorFrame, History, LogEventFrame, MsgStatus, Pong, RelayDelivery, Reset, Synced,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::call_frame::{self, CallIncoming};
use super::chat_frame::{ChangeFrame, ChangeKind, ChatNotice, NoticeKind};

/// A frame from the server.
#[derive(Debug)]
pub enum Incoming {
    /// `relay_delivery`: a message.
    Delivery(RelayDelivery),
    /// `msg_status`: how far a message of ours got.
    Status(MsgStatus),
    /// A notice in one's private log.
    Notice(LogEventFrame<'static>),
    /// Something done to an earlier message, or a chat's key.
    Change(ChangeKind, ChangeFrame),
    /// Something that happened to a chat or its members.
    Chat(NoticeKind, ChatNotice),
    /// What the server says of calls.
    Call(CallIncoming),
    /// `pong`.
    Pong(Pong),
    /// `history`.
    History(History),
    /// `synced`.
    Synced(Synced),
    /// `reset`.
    Reset(Reset),
    /// `error`.
    Error(ErrorFrame),
    /// A type this version does not know.
    Unknown(Unknown),
}

/// A frame of a type this version does not know.
#[derive(Debug)]
pub struct Unknown {
    /// The type.
    pub kind: String,
    /// Where it stands, if it is an event of a log.
    pub place: Option<Place>,
}

/// A position in a log.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Place {
    /// The log.
    pub log: LogId,
    /// The position in it.
    pub seq: Seq,
}

/// Not a frame of the type it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a frame that is not of the form of its type")]
pub struct MalformedFrame;

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    chat_id: Option<serde::de::IgnoredAny>,
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, MalformedFrame> {
    serde_json::from_str(text).map_err(|_| MalformedFrame)
}

impl Incoming {
    /// Reads one text frame.
    pub fn parse(text: &str) -> Result<Self, MalformedFrame> {
        let Typed { kind, chat_id } = serde_json::from_str(text).map_err(|_| MalformedFrame)?;
        if let Some(change) = ChangeKind::of(&kind) {
            return read(text).map(|frame| Self::Change(change, frame));
        }
        if let Some(notice) = NoticeKind::of(&kind) {
            return read(text).map(|frame| Self::Chat(notice, frame));
        }
        if call_frame::is_said(&kind) {
            return read(text).map(|frame| Self::Call(CallIncoming::Said(frame)));
        }
        match kind.as_ref() {
            "call_state" => read(text).map(|frame| Self::Call(CallIncoming::State(frame))),
            "call_roster" => read(text).map(|frame| Self::Call(CallIncoming::Roster(frame))),
            "call_record" => read(text).map(|frame| Self::Call(CallIncoming::Record(frame))),
            "keys_changed" if chat_id.is_some() => {
                read(text).map(|frame| Self::Chat(NoticeKind::KeysChanged, frame))
            }
            "relay_delivery" => read(text).map(Self::Delivery),
            "msg_status" => read(text).map(Self::Status),
            "subscription_request"
            | "subscription_confirmed"
            | "keys_changed"
            | "new_device"
            | "security_alert"
            | "account_deleted" => read(text).map(Self::Notice),
            "pong" => read(text).map(Self::Pong),
            "history" => read(text).map(Self::History),
            "synced" => read(text).map(Self::Synced),
            "reset" => read(text).map(Self::Reset),
            "error" => read(text).map(Self::Error),
            _ => Ok(Self::Unknown(Unknown {
                kind: kind.chars().take(64).collect(),
                place: serde_json::from_str(text).ok(),
            })),
        }
    }
}

/// `resume`: send what lies after these cursors.
pub fn resume(cursors: &BTreeMap<LogId, Seq>) -> String {
    json!({"type": "resume", "cursors": cursors}).to_string()
}

/// `ack`: everything up to `seq` of `log` is here.
pub fn ack(log: LogId, seq: Seq) -> String {
    json!({"type": "ack", "log": log, "seq": seq}).to_string()
}

/// `ack_read`: the person has read this message of `other` and all before it.
pub fn ack_read(message: MessageId, other: Uid) -> String {
    json!({"type": "ack_read", "message_id": message, "other": other}).to_string()
}

/// `ping`.
pub fn ping() -> String {
    json!({"type": "ping"}).to_string()
}

/// `reauth`: a fresh access token for this session.
pub fn reauth(token: &Secret) -> String {
    json!({"type": "reauth", "token": token.expose()}).to_string()
}

#[cfg(test)]
mod tests {
    use melo_protocol::frame::{ClientFrame, Recipient};
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::super::chat_frame::outgoing;
    use super::*;
    use crate::keystore::Act;

    #[test]
    fn the_server_reads_what_this_client_writes() {
        let (log, uid) = (LogId::from_random(5), Uid::from_random(1));
        let payload = RawValue::from_string(r#"{"v":1,"x":"\""}"#.to_owned()).unwrap();
        let text = outgoing(Act::Message, uid.into(), Some(&payload), Uuid::from_u128(9));
        let Ok(ClientFrame::Relay {
            to,
            payload: read,
            client_id,
        }) = ClientFrame::parse(&text)
        else {
            panic!("not a relay");
        };
        assert_eq!(
            (to, read.get(), client_id),
            (
                Recipient::Person(uid),
                payload.get(),
                Some(Uuid::from_u128(9))
            )
        );
        let message = MessageId { log, seq: 4 };
        assert!(matches!(
            ClientFrame::parse(&ack(log, 4)),
            Ok(ClientFrame::Ack { seq: 4, .. })
        ));
        assert!(
            matches!(ClientFrame::parse(&ack_read(message, uid)), Ok(ClientFrame::AckRead(m)) if m == message)
        );
        assert!(matches!(ClientFrame::parse(&ping()), Ok(ClientFrame::Ping)));
        let token = Secret::new("t".to_owned());
        assert!(
            matches!(ClientFrame::parse(&reauth(&token)), Ok(ClientFrame::Reauth { token }) if token == "t")
        );
        let cursors = BTreeMap::from([(log, 4)]);
        assert!(
            matches!(ClientFrame::parse(&resume(&cursors)), Ok(ClientFrame::Resume(c)) if c == cursors)
        );
    }

    #[test]
    fn unknown_types_are_no_error() {
        assert!(
            matches!(Incoming::parse(r#"{"type":"confetti","x":1}"#), Ok(Incoming::Unknown(t)) if t.kind == "confetti")
        );
        for bad in ["", "null", "{}", r#"{"type":1}"#, r#"{"type":"synced"}"#] {
            assert_eq!(Incoming::parse(bad).err(), Some(MalformedFrame), "{bad}");
        }
    }

    #[test]
    fn notices_keep_their_kind() {
        let text = r#"{"type":"keys_changed","user_id":"10000001","version":3,"identity_changed":true,
            "log":"7","seq":2,"at":"2026-11-20T08:15:30.123Z"}"#;
        assert!(matches!(
            Incoming::parse(text),
            Ok(Incoming::Notice(LogEventFrame::KeysChanged {
                identity_changed: true,
                version: 3,
                ..
            }))
        ));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = Incoming::parse(&text);
        }

        #[test]
        fn no_member_makes_the_reader_panic(
            kind in proptest::sample::select(vec!["relay_delivery", "msg_status", "keys_changed", "synced", "error", "reset", "edit", "react", "chat_key", "member_left", "chat_added"]),
            log in "[0-9a-z]{0,20}", seq in any::<i64>(),
        ) {
            let _ = Incoming::parse(&json!({"type": kind, "log": log, "seq": seq, "first_seq": seq, "cursors": {log: seq}}).to_string());
        }
    }
}
