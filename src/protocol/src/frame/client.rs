//! Frames from a client.

use std::borrow::Cow;
use std::collections::BTreeMap;

use melo_domain::{ChatId, LogId, MessageId, Seq, Uid};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

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
    /// The newest page of a direct conversation.
    GetHistory {
        /// The other person.
        target: Uid,
    },
    /// Somebody begins to write, or goes on.
    TypingStart(Recipient),
    /// Somebody writes no longer.
    TypingStop(Recipient),
    /// A fresh access token for the same session, before the old one expires.
    Reauth {
        /// The token.
        token: Cow<'a, str>,
    },
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
}

impl<'a> ClientFrame<'a> {
    /// Reads one text frame, whose length was checked before.
    pub fn parse(text: &'a str) -> Result<Self, FrameError> {
        let raw: RawFrame<'a> = serde_json::from_str(text).map_err(|e| FrameError {
            code: ErrorCode::Malformed,
            // serde's own text can quote the input: only the place is named.
            detail: format!(
                "the frame must be one JSON object with a type and well-formed fields (column {})",
                e.column()
            ),
            client_id: None,
        })?;
        let client_id = raw.client_id.as_deref().map(Uuid::try_parse);
        let known_id = client_id.as_ref().and_then(|id| id.as_ref().ok()).copied();
        let refuse = |code, detail: String| FrameError {
            code,
            detail,
            client_id: known_id,
        };
        let invalid = |field: &str, why: &dyn std::fmt::Display| {
            refuse(ErrorCode::ValidationFailed, format!("{field} {why}"))
        };
        let missing = |field: &str| invalid(field, &"must be given");

        let target = || -> Result<Uid, FrameError> {
            let text = raw.target.as_deref().ok_or_else(|| missing("target"))?;
            text.parse().map_err(|e| invalid("target", &e))
        };
        let message_id = || -> Result<MessageId, FrameError> {
            let text = raw
                .message_id
                .as_deref()
                .ok_or_else(|| missing("message_id"))?;
            text.parse().map_err(|e| invalid("message_id", &e))
        };

        // Existing clients name one of the two and leave the other out, or null.
        let chat = || -> Result<Option<ChatId>, FrameError> {
            let Some(raw) = raw.chat_id.filter(|c| c.get() != "null") else {
                return Ok(None);
            };
            let read = serde_json::from_str(raw.get());
            read.map(Some)
                .map_err(|_| invalid("chat_id", &"must be the integer that names a chat"))
        };
        let recipient = || match chat()? {
            Some(_) if raw.target.is_some() => {
                Err(invalid("target", &"and chat_id cannot both be given"))
            }
            Some(chat) => Ok(Recipient::Chat(chat)),
            None => Ok(Recipient::Person(target()?)),
        };
        let payload = || -> Result<&'a RawValue, FrameError> {
            let payload = raw.payload.ok_or_else(|| missing("payload"))?;
            if !payload.get().starts_with(['"', '{']) {
                return Err(invalid("payload", &"must be a string or an object"));
            }
            Ok(payload)
        };
        let own_id = || match client_id {
            Some(Err(_)) => Err(invalid("client_id", &"must be a UUID")),
            _ => Ok(known_id),
        };

        match raw.kind.as_ref() {
            "ping" => Ok(Self::Ping),
            "relay" => Ok(Self::Relay {
                to: recipient()?,
                payload: payload()?,
                client_id: own_id()?,
            }),
            "chat_key" => Ok(Self::ChatKey {
                chat: chat()?.ok_or_else(|| missing("chat_id"))?,
                payload: payload()?,
                client_id: own_id()?,
            }),
            "ack_received" => Ok(Self::AckReceived(message_id()?)),
            "ack_read" => Ok(Self::AckRead(message_id()?)),
            "ack" => Ok(Self::Ack {
                log: raw.log.ok_or_else(|| missing("log"))?,
                seq: raw.seq.ok_or_else(|| missing("seq"))?,
            }),
            "resume" => {
                let cursors = raw.cursors.ok_or_else(|| missing("cursors"))?;
                if cursors.len() > MAX_RESUME_CURSORS {
                    return Err(invalid(
                        "cursors",
                        &"must name at most 1000 logs; send the rest in a second resume",
                    ));
                }
                Ok(Self::Resume(cursors))
            }
            "get_history" => Ok(Self::GetHistory { target: target()? }),
            "typing_start" => recipient().map(Self::TypingStart),
            "typing_stop" => recipient().map(Self::TypingStop),
            "reauth" => Ok(Self::Reauth {
                token: raw.token.ok_or_else(|| missing("token"))?,
            }),
            _ => Err(refuse(
                ErrorCode::UnsupportedType,
                "this server does not serve frames of this type".to_owned(),
            )),
        }
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
