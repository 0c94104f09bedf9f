//! What `chat` tells besides messages, in words and for programs.

use std::time::Duration;

use melo_client::Client;
use melo_client::client::{Change, Changed, ChatEvent, ChatNews, Event};
use melo_client::keystore::Target;
use melo_domain::{ChatId, Seq, Uid};
use serde_json::{Value, json};

use crate::catalogue::{Text, text};
use crate::group::title_of;
use crate::message::{body_of, name_of, plain, proof_name, put_body};

/// Something to tell that is not a message.
#[derive(Debug)]
pub enum Notice<'a> {
    Help,
    UnknownCommand,
    Connected,
    Disconnected(&'a str, Duration),
    NotSent(&'a str),
    ContactRequest(Uid),
    ContactConfirmed(Uid),
    ContactGone(Uid),
    /// Without a name: one's own devices.
    KeysChanged {
        uid: Uid,
        name: Option<String>,
        identity_changed: bool,
    },
    /// Another device signed in to one's own account.
    NewDevice {
        name: &'a str,
        address: &'a str,
    },
    SecurityAlert(&'a str),
    Missed,
    NoSuchMessage(Seq),
    /// Something that happened to a group or channel, what it is called, and the name of the person it is about.
    Chat {
        event: &'a ChatEvent,
        title: String,
        name: String,
    },
}

impl<'a> Notice<'a> {
    /// The notice of an event that is not about a message.
    pub fn of(client: &Client, event: &'a Event) -> Option<Self> {
        Some(match event {
            Event::Synced => Self::Connected,
            Event::Disconnected { reason, retry_in } => Self::Disconnected(reason, *retry_in),
            Event::ContactRequest { from, .. } => Self::ContactRequest(*from),
            Event::ContactConfirmed { from } => Self::ContactConfirmed(*from),
            Event::KeysChanged {
                uid,
                identity_changed,
            } => Self::KeysChanged {
                uid: *uid,
                name: (*uid != client.uid()).then(|| name_of(client, *uid)),
                identity_changed: *identity_changed,
            },
            Event::NewDevice { name, address, .. } => Self::NewDevice { name, address },
            Event::SecurityAlert { alert, .. } => Self::SecurityAlert(alert),
            Event::ContactGone { uid } => Self::ContactGone(*uid),
            Event::Missed { .. } => Self::Missed,
            Event::Chat(event) => Self::Chat {
                event,
                title: title_of(client, Target::chat(event.chat)),
                name: person_of(&event.news)
                    .map(|uid| name_of(client, uid))
                    .unwrap_or_default(),
            },
            Event::Message(_)
            | Event::NowReadable(_)
            | Event::Call(_)
            | Event::Change(_)
            | Event::Status { .. }
            | Event::SendFailed { .. }
            | Event::Ended(_) => return None,
        })
    }

    pub fn words(&self) -> String {
        match self {
            Self::Help => text(Text::ChatHelp, &[]),
            Self::UnknownCommand => text(Text::UnknownCommand, &[]),
            Self::Connected => text(Text::Connected, &[]),
            Self::Disconnected(reason, wait) => text(
                Text::Disconnected,
                &[&plain(reason), &wait.as_secs_f32().ceil()],
            ),
            Self::NotSent(why) => text(Text::SendFailed, &[&plain(why)]),
            Self::ContactRequest(from) => text(Text::RequestFrom, &[from]),
            Self::ContactConfirmed(from) => text(Text::NowContact, &[from]),
            Self::ContactGone(uid) => text(Text::ContactGone, &[uid]),
            Self::KeysChanged {
                name: None,
                identity_changed: true,
                ..
            } => text(Text::ErrOwnIdentity, &[]),
            Self::KeysChanged { name: None, .. } => text(Text::OwnKeysChanged, &[]),
            Self::KeysChanged {
                name: Some(name),
                identity_changed: true,
                ..
            } => text(Text::IdentityIsNew, &[name]),
            Self::KeysChanged {
                name: Some(name), ..
            } => text(Text::KeysChanged, &[name]),
            Self::NewDevice { name, address } => {
                text(Text::NewDevice, &[&plain(name), &plain(address)])
            }
            Self::SecurityAlert(_) => text(Text::SecurityAlert, &[]),
            Self::Missed => text(Text::Missed, &[]),
            Self::NoSuchMessage(seq) => text(Text::NoSuchMessage, &[seq]),
            Self::Chat { event, title, name } => news_in_words(event, title, name),
        }
    }

    pub fn as_json(&self) -> Value {
        match self {
            Self::Help | Self::UnknownCommand | Self::NoSuchMessage(_) => {
                json!({"event": "hint", "text": self.words()})
            }
            Self::Connected => json!({"event": "synced"}),
            Self::Disconnected(reason, wait) => {
                json!({"event": "disconnected", "reason": reason, "retry_in": wait.as_secs_f32()})
            }
            Self::NotSent(why) => json!({"event": "not_sent", "reason": why}),
            Self::ContactRequest(from) => json!({"event": "contact_request", "from": from}),
            Self::ContactConfirmed(from) => json!({"event": "contact_confirmed", "from": from}),
            Self::ContactGone(uid) => json!({"event": "contact_gone", "uid": uid}),
            Self::KeysChanged {
                uid,
                identity_changed,
                ..
            } => {
                json!({"event": "keys_changed", "uid": uid, "identity_changed": identity_changed})
            }
            Self::NewDevice { name, address } => {
                json!({"event": "new_device", "name": name, "address": address})
            }
            Self::SecurityAlert(alert) => json!({"event": "security_alert", "alert": alert}),
            Self::Missed => json!({"event": "missed"}),
            Self::Chat { event, .. } => news_as_json(event),
        }
    }
}

/// Whom the news is about.
fn person_of(news: &ChatNews) -> Option<Uid> {
    match news {
        ChatNews::Joined { user, .. }
        | ChatNews::Left { user, .. }
        | ChatNews::RoleChanged { user, .. }
        | ChatNews::KeysChanged { user, .. }
        | ChatNews::JoinRequest { user } => Some(*user),
        ChatNews::KeyRefused { from, .. } => Some(*from),
        ChatNews::Changed { .. }
        | ChatNews::Added { .. }
        | ChatNews::Removed { .. }
        | ChatNews::Invitation { .. } => None,
    }
}

fn news_in_words(event: &ChatEvent, title: &str, name: &str) -> String {
    let chat = event.chat;
    let words = match &event.news {
        ChatNews::Joined { .. } => text(Text::MemberJoined, &[&name]),
        ChatNews::Left { .. } => text(Text::MemberLeft, &[&name]),
        ChatNews::RoleChanged { role, .. } => {
            let role = role.map(|r| r.to_string()).unwrap_or_default();
            text(Text::MemberRole, &[&name, &role])
        }
        ChatNews::Changed { .. } => text(Text::ChatChanged, &[]),
        ChatNews::KeysChanged {
            identity_changed: true,
            ..
        } => text(Text::IdentityIsNew, &[&name]),
        ChatNews::KeysChanged { .. } => text(Text::KeysChanged, &[&name]),
        ChatNews::KeyRefused { refusal, .. } => text(Text::KeyRefused, &[&name, refusal]),
        ChatNews::Added { title, .. } => return text(Text::ChatAdded, &[&plain(title), &chat]),
        ChatNews::Removed { .. } => return text(Text::ChatRemoved, &[&title]),
        ChatNews::Invitation { title, .. } => {
            return text(Text::ChatInvitation, &[&plain(title), &chat]);
        }
        ChatNews::JoinRequest { user } => {
            return text(Text::JoinRequest, &[user, &title, &chat]);
        }
    };
    format!("[{title}] {words}")
}

fn news_as_json(event: &ChatEvent) -> Value {
    let mut value = match &event.news {
        ChatNews::Joined {
            user,
            role,
            by,
            how,
        } => json!({"event": "member_joined", "uid": user, "role": role, "by": by, "how": how}),
        ChatNews::Left { user, by, how } => {
            json!({"event": "member_left", "uid": user, "by": by, "how": how})
        }
        ChatNews::RoleChanged { user, role, by } => {
            json!({"event": "role_changed", "uid": user, "role": role, "by": by})
        }
        ChatNews::Changed { by, changes } => {
            json!({"event": "chat_changed", "by": by, "changes": changes})
        }
        ChatNews::KeysChanged {
            user,
            identity_changed,
        } => {
            json!({"event": "keys_changed", "uid": user, "identity_changed": identity_changed})
        }
        ChatNews::KeyRefused { from, refusal } => {
            json!({"event": "key_refused", "from": from, "reason": refusal.to_string()})
        }
        ChatNews::Added { title, kind, by } => {
            json!({"event": "chat_added", "title": title, "type": kind, "by": by})
        }
        ChatNews::Removed { by, how } => json!({"event": "chat_removed", "by": by, "how": how}),
        ChatNews::Invitation { title, kind, by } => {
            json!({"event": "chat_invitation", "title": title, "type": kind, "by": by})
        }
        ChatNews::JoinRequest { user } => json!({"event": "join_request", "uid": user}),
    };
    value["chat_id"] = json!(ChatId(event.chat));
    value["at"] = json!(event.at);
    value
}

/// What was done to a message.
pub fn change_in_words(client: &Client, change: &Change, foreign: bool) -> String {
    let seq = change.message.seq;
    match &change.what {
        _ if foreign => text(Text::EditByOther, &[&seq]),
        Changed::Edited(body) => {
            let now = body_of(client, change.from, body);
            text(Text::Edited, &[&seq, &now])
        }
        Changed::Deleted => text(Text::Deleted, &[&seq]),
        Changed::Pinned(true) => text(Text::Pinned, &[&seq]),
        Changed::Pinned(false) => text(Text::Unpinned, &[&seq]),
        Changed::Reacted { reaction, .. } if reaction.is_empty() => {
            text(Text::ReactionGone, &[&seq])
        }
        Changed::Reacted { reaction, .. } => text(Text::Reacted, &[&seq, &plain(reaction)]),
        Changed::Refused(refusal) => text(Text::Refused, &[refusal]),
    }
}

/// As above, for programs.
pub fn change_as_json(change: &Change, foreign: bool) -> Value {
    let mut value = json!({
        "id": change.id, "message_id": change.message, "log": change.id.log, "seq": change.id.seq,
        "at": change.at, "from": change.from, "device": change.device,
    });
    if let Some(chat) = change.chat {
        value["chat_id"] = json!(ChatId(chat));
    }
    let event = match &change.what {
        Changed::Edited(_) if foreign => {
            value["refused"] = json!("the edit is not from the author of the message");
            "edit"
        }
        Changed::Edited(body) => {
            put_body(&mut value, body);
            "edit"
        }
        Changed::Deleted => "delete",
        Changed::Pinned(pinned) => {
            value["pinned"] = json!(pinned);
            "pin"
        }
        Changed::Reacted { reaction, proof } => {
            value["reaction"] = json!(reaction);
            value["proof"] = json!(proof_name(*proof));
            "react"
        }
        Changed::Refused(refusal) => {
            value["refused"] = json!(refusal.to_string());
            "change"
        }
    };
    value["event"] = json!(event);
    value
}
