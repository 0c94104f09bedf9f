//! What an envelope carries: one JSON object with a `type`.

use serde::{Deserialize, Serialize};

/// The content of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Something a person wrote.
    Text(String),
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

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// The longest `type` that is kept, in bytes.
const MAX_KIND: usize = 64;

impl Content {
    /// The JSON that is padded and sealed.
    pub fn to_json(&self) -> Result<Vec<u8>, MalformedContent> {
        let wire = match self {
            Self::Text(text) => Wire {
                kind: "text".to_owned(),
                text: Some(text.clone()),
            },
            Self::Other { kind } => Wire {
                kind: kind.clone(),
                text: None,
            },
        };
        serde_json::to_vec(&wire).map_err(|_| MalformedContent)
    }

    /// Reads what was opened. Members that are not known are left alone.
    pub fn from_json(json: &[u8]) -> Result<Self, MalformedContent> {
        let wire: Wire = serde_json::from_slice(json).map_err(|_| MalformedContent)?;
        match (wire.kind.as_str(), wire.text) {
            ("text", Some(text)) => Ok(Self::Text(text)),
            ("text", None) => Err(MalformedContent),
            _ if wire.kind.len() > MAX_KIND => Err(MalformedContent),
            _ => Ok(Self::Other { kind: wire.kind }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown_types() {
        let text = Content::Text("привет".to_owned());
        assert_eq!(Content::from_json(&text.to_json().unwrap()), Ok(text));
        assert_eq!(
            Content::from_json(br#"{"type":"reaction","text":5}"#),
            Err(MalformedContent),
            "text is a string in every type"
        );
        assert_eq!(
            Content::from_json(br#"{"type":"reaction","emoji":"+"}"#),
            Ok(Content::Other {
                kind: "reaction".to_owned()
            })
        );
        for bad in [
            &b""[..],
            b"null",
            b"[]",
            b"{}",
            br#"{"type":"text"}"#,
            b"\xff",
        ] {
            assert_eq!(Content::from_json(bad), Err(MalformedContent));
        }
    }
}
