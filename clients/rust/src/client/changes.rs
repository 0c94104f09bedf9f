//! What is done to messages after they were sent: edits, reactions, pins, deletions.

use melo_domain::{DeviceHandle, LogId, MessageId, Timestamp, Uid};
use serde_json::value::RawValue;

use super::Inner;
use super::messages::{Body, Message, Origin, Proof, Reaction, Refusal, Signed};
use crate::crypto::content::Content;
use crate::error::ClientError;
use crate::rest::history::{HistoryEntry, ReactionEntry};
use crate::socket::{ChangeFrame, ChangeKind};

/// Something done to an earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands in the log.
    pub id: MessageId,
    /// The message it is about.
    pub message: MessageId,
    /// Who did it.
    pub from: Uid,
    /// From which device, when the server names one.
    pub device: Option<DeviceHandle>,
    /// The group or channel.
    pub chat: Option<LogId>,
    /// The other person of a conversation of two, when this device knows it.
    pub peer: Option<Uid>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Changed,
}

/// What was done to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It says this now. To be shown in place of the message only when it is from the message's author.
    Edited(Body),
    /// It is gone.
    Deleted,
    /// It is shown on top, or no longer.
    Pinned(bool),
    /// Somebody's opinion of it; an empty one takes it back.
    Reacted {
        /// An emoji or a short text.
        reaction: String,
        /// Who vouches for it.
        proof: Proof,
    },
    /// Not believed or not readable.
    Refused(Refusal),
}

impl Inner {
    /// Reads a change. Errors are of the network; whatever is wrong with the change itself is what it holds.
    pub(super) async fn read_change(
        &self,
        kind: ChangeKind,
        frame: ChangeFrame,
    ) -> Result<Change, ClientError> {
        let id = MessageId {
            log: frame.log,
            seq: frame.seq,
        };
        let origin = Origin {
            id,
            from: frame.from,
            device: frame.device,
            at: frame.at,
            chat: frame.chat_id.is_some(),
        };
        // An erased event without a name of its own message speaks of itself.
        let message = frame.message_id.unwrap_or(id);
        let what = match (kind, frame.payload, frame.reaction) {
            _ if message.log != frame.log => Changed::Refused(Refusal::OtherMessage),
            (ChangeKind::Delete, ..) => Changed::Deleted,
            (ChangeKind::Pin, ..) => Changed::Pinned(frame.pinned.unwrap_or(true)),
            (ChangeKind::React, None, Some(reaction)) => Changed::Reacted {
                reaction,
                proof: Proof::Unsigned,
            },
            (_, Some(payload), _) => self.read_sealed(origin, message, &payload).await?,
            (_, None, _) => Changed::Refused(Refusal::OtherMessage),
        };
        Ok(Change {
            id,
            message,
            from: frame.from,
            device: frame.device,
            chat: origin.chat.then_some(frame.log),
            peer: self.peer_of(origin),
            at: frame.at,
            what,
        })
    }

    async fn read_sealed(
        &self,
        origin: Origin,
        message: MessageId,
        payload: &RawValue,
    ) -> Result<Changed, ClientError> {
        Ok(match self.open_payload(origin, payload).await? {
            Ok((signed, content)) => self.changed(origin, message, signed, content),
            Err(refusal) => Changed::Refused(refusal),
        })
    }

    /// The message is named inside of what was signed, so that it cannot be put elsewhere.
    fn changed(
        &self,
        origin: Origin,
        message: MessageId,
        signed: Option<Signed>,
        content: Content,
    ) -> Changed {
        let proof = match self.vouch(origin, signed) {
            Ok(proof) => proof,
            Err(refusal) => return Changed::Refused(refusal),
        };
        match content {
            Content::Edit {
                message: named,
                written,
            } if named == message => Changed::Edited(Body::Text { written, proof }),
            // The existing clients' form of an edit is the new text alone.
            Content::Text(written) if proof == Proof::Unsigned => {
                Changed::Edited(Body::Text { written, proof })
            }
            Content::Reaction {
                message: named,
                reaction,
            } if named == message => Changed::Reacted { reaction, proof },
            Content::Call(_) => Changed::Edited(Body::Unsupported {
                kind: "call".to_owned(),
            }),
            Content::Other { kind } => Changed::Edited(Body::Unsupported { kind }),
            Content::Edit { .. } | Content::Reaction { .. } | Content::Text(_) => {
                Changed::Refused(Refusal::OtherMessage)
            }
        }
    }
}

impl Inner {
    /// Reads a message of a history, with what became of it.
    pub(super) async fn read_entry(
        &self,
        log: LogId,
        chat: bool,
        entry: &HistoryEntry,
    ) -> Result<Message, ClientError> {
        let id = MessageId {
            log,
            seq: entry.seq,
        };
        let origin = Origin {
            id,
            from: entry.from,
            device: entry.device,
            at: entry.at,
            chat,
        };
        let mut message = self.read_message(origin, &entry.payload).await?;
        if entry.deleted {
            message.body = Body::Deleted;
            return Ok(message);
        }
        if let Some(edited) = &entry.edited {
            // Only the author's own edits are told here; it is opened as one by the author.
            let origin = Origin {
                id: edited.event_id,
                device: edited.device,
                at: edited.at,
                ..origin
            };
            message.since.edited = true;
            message.body = match self.read_sealed(origin, id, &edited.payload).await? {
                Changed::Edited(body) => body,
                Changed::Refused(refusal) => Body::Refused(refusal),
                _ => Body::Refused(Refusal::OtherMessage),
            };
        }
        message.since.pinned = entry.pinned;
        for (uid, listed) in &entry.reactions {
            let origin = Origin {
                from: *uid,
                device: listed.device,
                at: listed.at,
                ..origin
            };
            let read = self.read_reaction(origin, listed).await?;
            message.since.reactions.extend(read);
        }
        Ok(message)
    }

    /// What somebody thinks of a message; nothing when it is not believed or was taken back. The message is named
    /// inside, so a second look at the same reaction is no replay.
    async fn read_reaction(
        &self,
        origin: Origin,
        listed: &ReactionEntry,
    ) -> Result<Option<Reaction>, ClientError> {
        let (from, message) = (origin.from, origin.id);
        let (reaction, proof) = match (&listed.payload, &listed.reaction) {
            (Some(payload), _) => match self.open_payload(origin, payload).await? {
                Ok((
                    Some(_),
                    Content::Reaction {
                        message: named,
                        reaction,
                    },
                )) if named == message => (reaction, self.proof(from)),
                _ => return Ok(None),
            },
            (None, Some(reaction)) => (reaction.clone(), Proof::Unsigned),
            (None, None) => return Ok(None),
        };
        Ok((!reaction.is_empty()).then_some(Reaction {
            from,
            reaction,
            proof,
        }))
    }
}
