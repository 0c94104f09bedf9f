//! What waits to be sent.

use melo_domain::{LogId, MessageId, Secret, Uid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crypto::content::{Content, Written};

/// A conversation that is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// With one person.
    Person(Uid),
    /// A group or channel.
    Chat {
        /// Its log, which is its id.
        chat: LogId,
    },
}

impl From<Uid> for Target {
    fn from(uid: Uid) -> Self {
        Self::Person(uid)
    }
}

impl Target {
    /// A group or channel.
    pub fn chat(chat: LogId) -> Self {
        Self::Chat { chat }
    }
}

/// What is done with what is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A new message.
    #[default]
    Message,
    /// That message says something else.
    Edit(MessageId),
    /// What one thinks of that message.
    React(MessageId),
    /// That message goes, for everybody.
    Delete(MessageId),
    /// That message is shown on top.
    Pin(MessageId),
    /// That message is no longer shown on top.
    Unpin(MessageId),
}

/// Something the server has not acknowledged.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// The same at every attempt.
    pub client_id: Uuid,
    /// For whom.
    pub target: Target,
    /// What it does.
    #[serde(default)]
    pub act: Act,
    /// The text alone, as earlier versions kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Secret>,
    /// The content as JSON; sealed anew when the recipients' devices change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Secret>,
    /// The payload as JSON text; empty when it is still to be sealed, or when there is none.
    pub payload: String,
    /// How often it was mended: sealed anew, or its key wrapped for further devices.
    #[serde(default)]
    pub resealed: u32,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({} to {:?})", self.client_id, self.target)
    }
}

impl Outgoing {
    /// Something to be sealed.
    pub fn new(client_id: Uuid, target: Target, act: Act, content: Option<&Content>) -> Self {
        let json = content.and_then(|c| String::from_utf8(c.to_json().ok()?).ok());
        Self {
            client_id,
            target,
            act,
            text: None,
            content: json.map(Secret::new),
            payload: String::new(),
            resealed: 0,
        }
    }

    /// What is to be sealed; none for what needs no payload.
    pub fn content(&self) -> Option<Content> {
        let kept = self.content.as_ref();
        let content = kept.and_then(|json| Content::from_json(json.expose().as_bytes()).ok());
        content.or_else(|| {
            let text = self.text.as_ref()?;
            Some(Content::Text(Written::from(text.expose())))
        })
    }

    /// Whether it is still to be sealed.
    pub fn is_unsealed(&self) -> bool {
        let needs_payload = matches!(self.act, Act::Message | Act::Edit(_) | Act::React(_));
        needs_payload && self.payload.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::testing::log_of;

    #[test]
    fn what_earlier_versions_kept_is_still_sent() {
        let kept = r#"{"client_id":"936da01f-9abd-4d9d-80c7-02af85c82201","target":"10000001",
            "text":"hello","payload":"\"x\"","resealed":1}"#;
        let outgoing: Outgoing = serde_json::from_str(kept).unwrap();
        assert_eq!(outgoing.target, Target::Person("10000001".parse().unwrap()));
        assert_eq!(outgoing.act, Act::Message);
        assert_eq!(outgoing.content(), Some(Content::Text("hello".into())));
        assert!(!outgoing.is_unsealed());
    }

    #[test]
    fn every_act_comes_back() {
        let message = MessageId {
            log: log_of(2),
            seq: 4,
        };
        for act in [Act::Message, Act::Edit(message), Act::Unpin(message)] {
            let target = Target::chat(log_of(2));
            let outgoing = Outgoing::new(Uuid::from_u128(1), target, act, None);
            let json = serde_json::to_string(&outgoing).unwrap();
            let again: Outgoing = serde_json::from_str(&json).unwrap();
            assert_eq!((again.target, again.act), (target, act));
            assert_eq!(again.is_unsealed(), act != Act::Unpin(message));
        }
    }
}
