//! What an envelope carries: one JSON object with a `type`.

use melo_domain::{MessageId, Uid};
use serde::{Deserialize, Serialize};

use super::call::CallSignal;

/// What a person wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// The message of the same conversation that this one answers.
    pub reply_to: Option<MessageId>,
    /// Who is spoken to.
    pub mentions: Vec<Uid>,
    /// Who wrote it first, when it is handed on.
    pub forwarded_from: Option<Uid>,
}

impl<T: Into<String>> From<T> for Written {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// The content of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Something a person wrote.
    Text(Written),
    /// What an earlier message says now. The message is named inside as well, so that nobody can put the new text
    /// elsewhere.
    Edit {
        /// The message.
        message: MessageId,
        /// Its text from now on.
        written: Written,
    },
    /// What somebody thinks of an earlier message; an empty one takes it back.
    Reaction {
        /// The message.
        message: MessageId,
        /// An emoji, or another short text of at most [`MAX_REACTION`] bytes.
        reaction: String,
    },
    /// Something said within a call. It comes in frames of the call and is in no log.
    Call(CallSignal),
    /// A type that this version does not know; shown as such, never an error.
    Other {
        /// The `type`.
        kind: String,
    },
}

/// Not a JSON object with a `type`, or without what that type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the content is not a JSON object with a known form")]
pub struct MalformedContent;

#[derive(Default, Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reaction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<Uid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forwarded_from: Option<Uid>,
}

/// The `type` of what is said within a call.
const CALL: &str = "call";

#[derive(Serialize, Deserialize)]
struct CallWire<'a> {
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    signal: CallSignal,
}

/// The longest `type` that is kept, in bytes.
const MAX_KIND: usize = 64;
/// The longest reaction, in bytes.
pub const MAX_REACTION: usize = 64;

impl Wire {
    fn of_text(kind: &str, written: &Written) -> Self {
        Self {
            kind: kind.to_owned(),
            text: Some(written.text.clone()),
            reply_to: written.reply_to,
            mentions: written.mentions.clone(),
            forwarded_from: written.forwarded_from,
            ..Self::default()
        }
    }

    fn written(self) -> Result<Written, MalformedContent> {
        Ok(Written {
            text: self.text.ok_or(MalformedContent)?,
            reply_to: self.reply_to,
            mentions: self.mentions,
            forwarded_from: self.forwarded_from,
        })
    }
}

impl Content {
    /// The JSON that is padded and sealed.
    pub fn to_json(&self) -> Result<Vec<u8>, MalformedContent> {
        let wire = match self {
            Self::Call(signal) => {
                let wire = CallWire {
                    kind: CALL.into(),
                    signal: signal.clone(),
                };
                return serde_json::to_vec(&wire).map_err(|_| MalformedContent);
            }
            Self::Text(written) => Wire::of_text("text", written),
            Self::Edit { message, written } => Wire {
                message_id: Some(*message),
                ..Wire::of_text("edit", written)
            },
            Self::Reaction { message, reaction } => Wire {
                kind: "reaction".to_owned(),
                message_id: Some(*message),
                reaction: Some(reaction.clone()),
                ..Wire::default()
            },
            Self::Other { kind } => Wire {
                kind: kind.clone(),
                ..Wire::default()
            },
        };
        serde_json::to_vec(&wire).map_err(|_| MalformedContent)
    }

    /// Reads what was opened. Members that are not known are left alone.
    pub fn from_json(json: &[u8]) -> Result<Self, MalformedContent> {
        let wire: Wire = serde_json::from_slice(json).map_err(|_| MalformedContent)?;
        match wire.kind.as_str() {
            CALL => {
                let call: CallWire = serde_json::from_slice(json).map_err(|_| MalformedContent)?;
                if call.signal.said.fits() {
                    Ok(Self::Call(call.signal))
                } else {
                    Err(MalformedContent)
                }
            }
            "text" => Ok(Self::Text(wire.written()?)),
            "edit" => Ok(Self::Edit {
                message: wire.message_id.ok_or(MalformedContent)?,
                written: wire.written()?,
            }),
            "reaction" => match (wire.message_id, wire.reaction) {
                (Some(message), Some(reaction)) if reaction.len() <= MAX_REACTION => {
                    Ok(Self::Reaction { message, reaction })
                }
                _ => Err(MalformedContent),
            },
            kind if kind.len() > MAX_KIND => Err(MalformedContent),
            _ => Ok(Self::Other { kind: wire.kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::log_of;
    use super::*;

    fn message() -> MessageId {
        MessageId {
            log: log_of(5),
            seq: 3,
        }
    }

    #[test]
    fn every_type_comes_back() {
        let written = Written {
            text: "привет".to_owned(),
            reply_to: Some(message()),
            mentions: vec![Uid::from_random(1), Uid::from_random(2)],
            forwarded_from: Some(Uid::from_random(3)),
        };
        for content in [
            Content::Text("hello".into()),
            Content::Text(written.clone()),
            Content::Edit {
                message: message(),
                written,
            },
            Content::Reaction {
                message: message(),
                reaction: "👍".to_owned(),
            },
            Content::Other {
                kind: "attachment".to_owned(),
            },
        ] {
            assert_eq!(Content::from_json(&content.to_json().unwrap()), Ok(content));
        }
    }

    #[test]
    fn a_plain_text_has_no_further_members() {
        let json = Content::Text("hi".into()).to_json().unwrap();
        assert_eq!(json, br#"{"type":"text","text":"hi"}"#);
    }

    #[test]
    fn unknown_types_are_named_and_broken_ones_refused() {
        assert_eq!(
            Content::from_json(br#"{"type":"sticker","emoji":"+"}"#),
            Ok(Content::Other {
                kind: "sticker".to_owned()
            })
        );
        let long = format!(
            r#"{{"type":"reaction","message_id":"{}","reaction":"{}"}}"#,
            message(),
            "x".repeat(65)
        );
        for bad in [
            &b""[..],
            b"null",
            b"[]",
            b"{}",
            br#"{"type":"text"}"#,
            br#"{"type":"sticker","text":5}"#,
            br#"{"type":"text","text":"a","reply_to":"x"}"#,
            br#"{"type":"text","text":"a","mentions":["x"]}"#,
            br#"{"type":"edit","text":"a"}"#,
            br#"{"type":"reaction","reaction":"+"}"#,
            long.as_bytes(),
            b"\xff",
        ] {
            assert_eq!(Content::from_json(bad), Err(MalformedContent));
        }
    }
}
