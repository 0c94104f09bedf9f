//! A new group or channel.

use melo_crypto::random;
use melo_domain::{ChatDescription, ChatRole, ChatTitle, ContactStatus, LogId, LogKind, Uid};
use melo_storage::chats::{self, Chat};
use melo_storage::{accounts, contacts, logs};
use serde_json::json;

use super::change::Change;
use super::people::{Addition, Joined};
use super::{ChatError, set_public::make_public};
use crate::audit::Action;
use crate::fault::in_turn;
use crate::limits::{self, Limit};
use crate::{Caller, Core, Origin};

/// What it is to be.
#[derive(Debug, Clone)]
pub struct NewChat {
    /// Group or channel.
    pub kind: LogKind,
    /// Personal.
    pub title: ChatTitle,
    /// Personal.
    pub description: Option<ChatDescription>,
    /// Whether it has a code that everybody may know.
    pub is_public: bool,
    /// Who is to be in it, besides its maker.
    pub members: Vec<Uid>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The chat.
    pub log: LogId,
    /// Those who are asked first, as they are no contacts.
    pub invited: Vec<Uid>,
}

/// Makes a chat of the caller's. Contacts among `members` are in it at once, others are invited.
pub async fn create(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    new: &NewChat,
) -> Result<Created, ChatError> {
    limits::take(core, Limit::ChatCreate, caller.uid).await?;
    for member in &new.members {
        spend_on_stranger(core, caller, *member).await?;
    }
    in_turn(|| attempt(core, caller, origin, new)).await
}

/// The answer says whether there is such a person: trying out user ids is not free.
pub(super) async fn spend_on_stranger(
    core: &Core,
    caller: Caller,
    uid: Uid,
) -> Result<(), ChatError> {
    let known = contacts::find(core.store.db.read(), caller.uid, uid).await?;
    if known.is_none_or(|c| c.status != ContactStatus::Accepted) {
        limits::take(core, Limit::Stranger, caller.uid).await?;
    }
    Ok(())
}

async fn attempt(
    core: &Core,
    caller: Caller,
    origin: &Origin,
    new: &NewChat,
) -> Result<Created, ChatError> {
    let (keys, now) = (&core.store.keys, core.now());
    let log = LogId::from_random(random::u64());
    let tx = core.store.db.begin().await?;
    // Held: a person makes one chat at a time.
    if accounts::hold_standing(&tx, caller.uid).await?.is_none() {
        return Err(ChatError::UserNotFound);
    }
    if chats::owned_by(&tx, caller.uid).await? >= core.policy.chats.owned {
        return Err(ChatError::LimitReached(
            "you own as many chats as one may own; delete one, or hand it to somebody",
        ));
    }
    logs::create(&tx, keys, log, new.kind, &[], now).await?;
    let description = new
        .description
        .as_ref()
        .map(|text| text.as_str().to_owned());
    let chat = Chat {
        log,
        kind: new.kind,
        owner: caller.uid,
        is_public: new.is_public,
        by_request: false,
        share_history: false,
        slow_mode: 0,
        disappearing: 0,
        retention: 0,
        title: new.title.as_str().to_owned(),
        description: description.filter(|text| !text.is_empty()),
        has_avatar: false,
        created: now,
    };
    chats::insert(&tx, keys, &chat).await?;
    let mut change = Change::of_new(core, tx, chat);
    let how = (Joined::Created, caller.uid);
    change.admit(caller.uid, ChatRole::Owner, how).await?;
    if new.is_public {
        make_public(&change).await?;
    }
    let mut invited = Vec::new();
    for member in &new.members {
        if change.add_or_invite(*member).await? == Addition::Invited {
            invited.push(*member);
        }
    }
    let details = json!({
        "type": new.kind.chat_type(),
        "public": new.is_public,
        "members": new.members.len(),
    });
    change.record(origin, Action::ChatCreate, &details).await?;
    change.commit().await?;
    Ok(Created { log, invited })
}
