//! The messages of a conversation that commands can name: those that were shown.

use std::collections::{BTreeMap, HashMap};

use melo_client::client::{Body, Change, Changed, Message};
use melo_domain::{MessageId, Seq, Uid};
use uuid::Uuid;

/// The most messages that are remembered.
const MAX_SEEN: usize = 2_000;

#[derive(Debug)]
struct One {
    id: MessageId,
    author: Option<Uid>,
    text: String,
}

/// What was shown.
#[derive(Debug, Default)]
pub struct Seen {
    messages: BTreeMap<Seq, One>,
    /// Own messages whose place is not known yet.
    sending: HashMap<Uuid, String>,
}

impl Seen {
    fn put(&mut self, one: One) {
        if self.messages.len() >= MAX_SEEN {
            self.messages.pop_first();
        }
        self.messages.insert(one.id.seq, one);
    }

    /// A message was shown.
    pub fn note(&mut self, message: &Message) {
        let text = match &message.body {
            Body::Text { written, .. } => written.text.clone(),
            _ => String::new(),
        };
        self.put(One {
            id: message.id,
            author: Some(message.from),
            text,
        });
    }

    /// An own message is on its way.
    pub fn sending(&mut self, client_id: Uuid, text: &str) {
        self.sending.insert(client_id, text.to_owned());
    }

    /// The server has it, at this place.
    pub fn sent(&mut self, client_id: Uuid, id: MessageId, own: Uid) {
        if let Some(text) = self.sending.remove(&client_id) {
            self.put(One {
                id,
                author: Some(own),
                text,
            });
        }
    }

    /// Something was done to a message.
    pub fn change(&mut self, change: &Change) {
        let seq = change.message.seq;
        match &change.what {
            Changed::Deleted => {
                self.messages.remove(&seq);
            }
            Changed::Edited(Body::Text { written, .. }) => {
                if let Some(one) = self.messages.get_mut(&seq) {
                    one.text.clone_from(&written.text);
                }
            }
            _ => {}
        }
    }

    /// The message with that number: its name, who wrote it, what it says.
    pub fn get(&self, seq: Seq) -> Option<(MessageId, Option<Uid>, String)> {
        let one = self.messages.get(&seq)?;
        Some((one.id, one.author, one.text.clone()))
    }
}
