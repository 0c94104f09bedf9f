//! Chats that these people are in.

use std::error::Error;

use melo_crypto::{Keyring, random};
use melo_domain::{ChatRole, EventKind, LogId, LogKind, Timestamp};
use melo_storage::chats::{self, Chat as Row};
use melo_storage::logs::{self, NewMember};
use melo_storage::{ConnectionTrait, NewEvent, events};

use crate::{Chat, ChatPlan, User};

/// Bytes of a message that is there already.
const MESSAGE: usize = 256;

/// Makes one chat with its members and messages.
pub(crate) async fn make(
    tx: &impl ConnectionTrait,
    keys: &Keyring,
    plan: &ChatPlan,
    users: &[User],
    now: Timestamp,
) -> Result<Chat, Box<dyn Error>> {
    let members = users
        .get(plan.first..plan.first + plan.members)
        .ok_or("a chat of more people than there are")?;
    let owner = members.first().ok_or("a chat of nobody")?.uid;
    let log = LogId::from_random(random::u64());
    let kind = if plan.channel {
        LogKind::Channel
    } else {
        LogKind::Group
    };
    logs::create(tx, keys, log, kind, &[], now).await?;
    chats::insert(tx, keys, &row(log, kind, owner, now)).await?;
    for member in members {
        let joining = NewMember {
            uid: member.uid,
            role: if member.uid == owner {
                ChatRole::Owner
            } else {
                ChatRole::Member
            },
            from_seq: 0,
        };
        logs::add_member(tx, keys, log, joining, now).await?;
    }
    let payload = format!("\"{}\"", "x".repeat(MESSAGE));
    for _ in 0..plan.messages {
        let message = NewEvent::new(log, EventKind::Message, owner, payload.clone());
        events::append(tx, keys, message, now).await?;
    }
    Ok(Chat {
        log,
        first: plan.first,
        members: plan.members,
    })
}

fn row(log: LogId, kind: LogKind, owner: melo_domain::Uid, now: Timestamp) -> Row {
    Row {
        log,
        kind,
        owner,
        is_public: false,
        by_request: false,
        share_history: false,
        slow_mode: 0,
        disappearing: 0,
        retention: 0,
        title: "A chat of the load tool".to_owned(),
        description: None,
        has_avatar: false,
        created: now,
    }
}
