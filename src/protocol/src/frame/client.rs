//! Frames from a client.

use std::borrow::Cow;
use std::collections::BTreeMap;

use melo_domain::{ChatId, LogId, MessageId, Seq, Uid};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{CallFrame, CallQualityFrame, call, relayed};
use crate::ErrorCode;

/// The most logs one `resume` may name; a client with more sends several.
pub const MAX_RESUME_CURSORS: usize = 1000;

/// Whom a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// One person: `target`.
    Person(Uid),
    /// A group or channel: `chat_id`.
    Chat(ChatId),
}

/// A frame that asks for something this server does.
#[derive(Debug)]
pub enum ClientFrame<'a> {
    /// Answered with `pong`.
    Ping,
    /// A message.
    Relay {
        /// For whom.
        to: Recipient,
        /// What to deliver: a string or an object, never read beyond an envelope's routing names.
        payload: &'a RawValue,
        /// Makes sending again safe.
        client_id: Option<Uuid>,
    },
    /// A change of an earlier message.
    Change {
        /// The conversation.
        to: Recipient,
        /// The message.
        message_id: MessageId,
        /// What is done to it.
        change: MessageChange<'a>,
        /// Makes sending again safe.
        client_id: Option<Uuid>,
    },
    /// A frame of a type that only clients know.
    Relayed {
        /// For whom.
        to: Recipient,
        /// The type.
        name: String,
        /// Its own members, an object.
        members: String,
        /// Makes sending again safe.
        client_id: Option<Uuid>,
    },
    /// What the person has begun to write.
    Draft {
        /// The conversation.
        to: Recipient,
        /// `None`: nothing any more.
        payload: Option<&'a RawValue>,
        /// Names the answer.
        client_id: Option<Uuid>,
    },
    /// A chat's key, wrapped for devices of its members.
    ChatKey {
        /// The chat.
        chat: ChatId,
        /// The key envelope.
        payload: &'a RawValue,
        /// Makes sending again safe.
        client_id: Option<Uuid>,
    },
    /// A device has the message (existing clients, one by one).
    AckReceived(MessageId),
    /// A person has read the message and all before it.
    AckRead(MessageId),
    /// A device has everything up to `seq` of `log`.
    Ack {
        /// The log.
        log: LogId,
        /// The last event the device has.
        seq: Seq,
    },
    /// Send what lies after these cursors, then `synced`.
    Resume(BTreeMap<LogId, Seq>),
    /// The newest page of a conversation.
    GetHistory {
        /// Which.
        of: Recipient,
    },
    /// Somebody begins to write, or goes on.
    TypingStart(Recipient),
    /// Somebody writes no longer.
    TypingStop(Recipient),
    /// Something about a call.
    Call(Box<CallFrame<'a>>),
    /// How a call was.
    CallQuality(CallQualityFrame),
    /// A fresh access token for the same session, before the old one expires.
    Reauth {
        /// The token.
        token: Cow<'a, str>,
    },
}

/// What is done to a message.
#[derive(Debug, Clone)]
pub enum MessageChange<'a> {
    /// It has this content now: a string or an object.
    Edit(&'a RawValue),
    /// It is gone for everybody.
    Delete,
    /// It is pinned, or no longer.
    Pin(bool),
    /// A reaction in plain; an empty one takes it back.
    React(Cow<'a, str>),
    /// A sealed reaction.
    ReactSealed(&'a RawValue),
}

/// A frame that cannot be acted on; becomes an `error` frame, the connection stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FrameError {
    /// [`ErrorCode::Malformed`], [`ErrorCode::ValidationFailed`] or [`ErrorCode::UnsupportedType`].
    pub code: ErrorCode,
    /// What is wrong, for a person.
    pub detail: String,
    /// The frame's own `client_id`, when that much could be read.
    pub client_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct RawFrame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    client_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message_id: Option<Cow<'a, str>>,
    log: Option<LogId>,
    seq: Option<Seq>,
    cursors: Option<BTreeMap<LogId, Seq>>,
    #[serde(borrow)]
    token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    chat_id: Option<&'a RawValue>,
    #[serde(borrow)]
    new_data: Option<&'a RawValue>,
    #[serde(borrow)]
    reaction: Option<Cow<'a, str>>,
    pinned: Option<bool>,
}

impl<'a> RawFrame<'a> {
    /// The frame's own id, when that much could be read.
    fn known_id(&self) -> Option<Uuid> {
        Uuid::try_parse(self.client_id.as_deref()?).ok()
    }

    fn refuse(&self, code: ErrorCode, detail: String) -> FrameError {
        FrameError {
            code,
            detail,
            client_id: self.known_id(),
        }
    }

    fn invalid(&self, field: &str, why: impl std::fmt::Display) -> FrameError {
        self.refuse(ErrorCode::ValidationFailed, format!("{field} {why}"))
    }

    fn missing(&self, field: &str) -> FrameError {
        self.invalid(field, "must be given")
    }

    fn own_id(&self) -> Result<Option<Uuid>, FrameError> {
        let known = self.known_id();
        if known.is_none() && self.client_id.is_some() {
            return Err(self.invalid("client_id", "must be a UUID"));
        }
        Ok(known)
    }

    fn target(&self) -> Result<Uid, FrameError> {
        let text = self.target.as_deref();
        let text = text.ok_or_else(|| self.missing("target"))?;
        text.parse().map_err(|e| self.invalid("target", e))
    }

    fn message_id(&self) -> Result<MessageId, FrameError> {
        let text = self.message_id.as_deref();
        let text = text.ok_or_else(|| self.missing("message_id"))?;
        text.parse().map_err(|e| self.invalid("message_id", e))
    }

    /// Existing clients name one of the two and leave the other out, or null.
    fn chat(&self) -> Result<Option<ChatId>, FrameError> {
        let Some(raw) = self.chat_id.filter(|c| c.get() != "null") else {
            return Ok(None);
        };
        let read = serde_json::from_str(raw.get()).map(Some);
        read.map_err(|_| self.invalid("chat_id", "must be the integer that names a chat"))
    }

    fn recipient(&self) -> Result<Recipient, FrameError> {
        match self.chat()? {
            Some(_) if self.target.is_some() => {
                Err(self.invalid("target", "and chat_id cannot both be given"))
            }
            Some(chat) => Ok(Recipient::Chat(chat)),
            None => Ok(Recipient::Person(self.target()?)),
        }
    }

    fn content(&self, payload: Option<&'a RawValue>) -> Result<&'a RawValue, FrameError> {
        let payload = payload.ok_or_else(|| self.missing("payload"))?;
        if !payload.get().starts_with(['"', '{']) {
            return Err(self.invalid("payload", "must be a string or an object"));
        }
        Ok(payload)
    }

    fn cursors(&mut self) -> Result<BTreeMap<LogId, Seq>, FrameError> {
        let cursors = self.cursors.take().ok_or_else(|| self.missing("cursors"))?;
        if cursors.len() > MAX_RESUME_CURSORS {
            let why = "must name at most 1000 logs; send the rest in a second resume";
            return Err(self.invalid("cursors", why));
        }
        Ok(cursors)
    }

    fn change(&mut self) -> Result<MessageChange<'a>, FrameError> {
        Ok(
            match (self.kind.as_ref(), self.reaction.take(), self.payload) {
                ("edit", _, payload) => {
                    MessageChange::Edit(self.content(payload.or(self.new_data))?)
                }
                ("delete", ..) => MessageChange::Delete,
                ("pin", ..) => MessageChange::Pin(self.pinned.unwrap_or(true)),
                ("unpin", ..) => MessageChange::Pin(false),
                (_, Some(reaction), None) => MessageChange::React(reaction),
                (_, None, Some(payload)) => {
                    MessageChange::ReactSealed(self.content(Some(payload))?)
                }
                _ => return Err(self.invalid("reaction", "or payload must be given, and not both")),
            },
        )
    }
}

impl<'a> ClientFrame<'a> {
    /// Reads one text frame, whose length was checked before.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let mut raw: RawFrame<'a> = match serde_json::from_str(text) {
            Ok(raw) => raw,
            // Members that mean something in our frames may be anything in theirs.
            Err(error) => {
                let theirs = call::parse(text).or_else(|| relayed::parse(text));
                return theirs.unwrap_or(Err(malformed(&error)));
            }
        };
        match raw.kind.as_ref() {
            "ping" => Ok(Self::Ping),
            "relay" => Ok(Self::Relay {
                to: raw.recipient()?,
                payload: raw.content(raw.payload)?,
                client_id: raw.own_id()?,
            }),
            "chat_key" => Ok(Self::ChatKey {
                chat: raw.chat()?.ok_or_else(|| raw.missing("chat_id"))?,
                payload: raw.content(raw.payload)?,
                client_id: raw.own_id()?,
            }),
            "ack_received" => Ok(Self::AckReceived(raw.message_id()?)),
            "ack_read" => Ok(Self::AckRead(raw.message_id()?)),
            "ack" => Ok(Self::Ack {
                log: raw.log.ok_or_else(|| raw.missing("log"))?,
                seq: raw.seq.ok_or_else(|| raw.missing("seq"))?,
            }),
            "resume" => raw.cursors().map(Self::Resume),
            "get_history" => Ok(Self::GetHistory {
                of: raw.recipient()?,
            }),
            "edit" | "delete" | "pin" | "unpin" | "react" => Ok(Self::Change {
                to: raw.recipient()?,
                message_id: raw.message_id()?,
                client_id: raw.own_id()?,
                change: raw.change()?,
            }),
            "draft" => Ok(Self::Draft {
                to: raw.recipient()?,
                payload: raw.payload.map(|p| raw.content(Some(p))).transpose()?,
                client_id: raw.own_id()?,
            }),
            "typing_start" => raw.recipient().map(Self::TypingStart),
            "typing_stop" => raw.recipient().map(Self::TypingStop),
            "reauth" => match raw.token.take() {
                Some(token) => Ok(Self::Reauth { token }),
                None => Err(raw.missing("token")),
            },
            _ => call::parse(text)
                .or_else(|| relayed::parse(text))
                .unwrap_or_else(|| {
                    let detail = "this server does not serve frames of this type";
                    Err(raw.refuse(ErrorCode::UnsupportedType, detail.to_owned()))
                }),
        }
    }
}

fn malformed(error: &serde_json::Error) -> FrameError {
    FrameError {
        code: ErrorCode::Malformed,
        // serde's own text can quote the input: only the place is named.
        detail: format!(
            "the frame must be one JSON object with a type and well-formed fields (column {})",
            error.column()
        ),
        client_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> FrameError {
        ClientFrame::parse(text).unwrap_err()
    }

    #[test]
    fn a_relay_keeps_its_payload_as_it_was_written() {
        let text = r#"{"type":"relay","target":"10000001","payload":{"a" : 1.50},"client_id":"936da01f-9abd-4d9d-80c7-02af85c822a8"}"#;
        let Ok(ClientFrame::Relay {
            payload, client_id, ..
        }) = ClientFrame::parse(text)
        else {
            panic!("not a relay");
        };
        assert_eq!(payload.get(), r#"{"a" : 1.50}"#);
        assert!(client_id.is_some());
    }

    #[test]
    fn refusals_name_the_field_and_keep_the_client_id() {
        let e = error(
            r#"{"type":"relay","target":"x","payload":"p","client_id":"936da01f-9abd-4d9d-80c7-02af85c822a8"}"#,
        );
        assert_eq!(e.code, ErrorCode::ValidationFailed);
        assert!(e.detail.starts_with("target"), "{}", e.detail);
        assert!(e.client_id.is_some());
        assert!(
            error(r#"{"type":"relay","target":"10000001"}"#)
                .detail
                .starts_with("payload")
        );
        assert!(
            error(r#"{"type":"relay","target":"10000001","payload":5}"#)
                .detail
                .starts_with("payload")
        );
        assert!(
            error(r#"{"type":"ack","log":"5"}"#)
                .detail
                .starts_with("seq")
        );
    }

    #[test]
    fn a_frame_is_for_a_person_or_a_chat_and_not_for_both() {
        let relay = |to: &str| {
            let text = format!(r#"{{"type":"relay",{to},"payload":"p"}}"#);
            match ClientFrame::parse(&text) {
                Ok(ClientFrame::Relay { to, .. }) => Ok(to),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.detail),
            }
        };
        let chat = Recipient::Chat("7".parse().unwrap());
        assert_eq!(relay(r#""chat_id":7"#), Ok(chat));
        assert_eq!(relay(r#""chat_id":"7""#), Ok(chat));
        let person = Recipient::Person("10000001".parse().unwrap());
        assert_eq!(relay(r#""target":"10000001","chat_id":null"#), Ok(person));
        assert!(relay(r#""target":"10000001","chat_id":7"#).is_err());
        for bad in ["0", "-1", "1.5", "true", "{}", "9007199254740992"] {
            let refused = relay(&format!(r#""chat_id":{bad}"#)).unwrap_err();
            assert!(refused.starts_with("chat_id"), "{refused}");
        }
    }

    #[test]
    fn changes_name_their_message_and_what_is_done() {
        let id = "09bf42d1-ce81-8440-8000-000000000001";
        let read = |rest: &str| {
            let text = format!(r#"{{"target":"10000001","message_id":"{id}",{rest}}}"#);
            match ClientFrame::parse(&text) {
                Ok(ClientFrame::Change { change, .. }) => Ok(format!("{change:?}")),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.code),
            }
        };
        assert!(
            read(r#""type":"edit","payload":{"a":1}"#)
                .unwrap()
                .starts_with("Edit")
        );
        assert!(
            read(r#""type":"edit","new_data":"new""#)
                .unwrap()
                .starts_with("Edit")
        );
        assert_eq!(read(r#""type":"edit""#), Err(ErrorCode::ValidationFailed));
        assert_eq!(
            read(r#""type":"edit","payload":7"#),
            Err(ErrorCode::ValidationFailed)
        );
        assert_eq!(read(r#""type":"delete""#), Ok("Delete".to_owned()));
        assert_eq!(read(r#""type":"pin""#), Ok("Pin(true)".to_owned()));
        assert_eq!(
            read(r#""type":"pin","pinned":false"#),
            Ok("Pin(false)".to_owned())
        );
        assert_eq!(read(r#""type":"unpin""#), Ok("Pin(false)".to_owned()));
        assert_eq!(
            read(r#""type":"react","reaction":"+1""#),
            Ok(r#"React("+1")"#.to_owned())
        );
        assert_eq!(
            read(r#""type":"react","reaction":"+1","payload":{}"#),
            Err(ErrorCode::ValidationFailed)
        );
        assert_eq!(read(r#""type":"react""#), Err(ErrorCode::ValidationFailed));
        assert_eq!(
            error(r#"{"type":"delete","target":"10000001","message_id":"x"}"#).code,
            ErrorCode::ValidationFailed
        );
    }

    #[test]
    fn garbage_is_malformed_and_never_echoed() {
        for bad in [
            "",
            "null",
            "[]",
            "{",
            "{}",
            r#"{"type":5}"#,
            r#"{"type":"ack","log":"secret","seq":1}"#,
            "\u{0}",
        ] {
            let e = error(bad);
            assert_eq!(e.code, ErrorCode::Malformed, "{bad}");
            assert!(!e.detail.contains("secret"));
        }
        assert_eq!(
            error(r#"{"type":"nonsense"}"#).code,
            ErrorCode::UnsupportedType
        );
    }

    #[test]
    fn numbers_beyond_their_range_are_refused() {
        assert!(ClientFrame::parse(r#"{"type":"ack","log":"9007199254740992","seq":1}"#).is_err());
        assert!(ClientFrame::parse(r#"{"type":"ack","log":"1","seq":-1}"#).is_err());
        assert!(ClientFrame::parse(r#"{"type":"ack","log":"1","seq":1e300}"#).is_err());
    }
}
