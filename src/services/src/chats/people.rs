//! Coming into a chat and going out of it, inside a change.

use melo_domain::{ChatId, ChatRole, ContactStatus, EventKind, LogId, LogKind, Seq, Uid};
use melo_storage::chat_lists::{self, ChatList, Listed};
use melo_storage::logs::{self, NewMember};
use melo_storage::{StorageError, accounts, blocks, chat_members, contacts, cursors};
use serde::Serialize;

use super::ChatError;
use super::change::{Change, MembersChange};
use crate::notices;

/// How somebody became a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Joined {
    Created,
    Added,
    Invite,
    Request,
    Invitation,
}

/// How somebody ceased to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Left {
    #[serde(rename = "left")]
    ByThemselves,
    Removed,
    Banned,
    Deleted,
}

#[derive(Serialize)]
struct MemberJoined {
    user_id: Uid,
    role: &'static str,
    by: Uid,
    how: Joined,
}

#[derive(Serialize)]
struct MemberLeft {
    user_id: Uid,
    by: Uid,
    how: Left,
}

#[derive(Serialize)]
struct RoleChanged {
    user_id: Uid,
    role: &'static str,
    by: Uid,
}

#[derive(Serialize)]
struct ChatAdded<'a> {
    chat_id: ChatId,
    chat_log: LogId,
    title: &'a str,
    chat_type: &'static str,
    role: &'static str,
    by: Uid,
}

#[derive(Serialize)]
pub(super) struct ChatRemoved {
    pub chat_id: ChatId,
    pub chat_log: LogId,
    pub how: Left,
    pub by: Uid,
}

#[derive(Serialize)]
struct ChatInvitation<'a> {
    chat_id: ChatId,
    title: &'a str,
    chat_type: &'static str,
    by: Uid,
}

#[derive(Serialize)]
struct JoinRequest {
    chat_id: ChatId,
    user_id: Uid,
}

/// What became of somebody who was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// They are in it.
    Added,
    /// They are no contact of the caller's, and are asked.
    Invited,
    /// They were in it before.
    Member,
}

impl Change<'_> {
    /// Lets somebody in. They are in no list of the chat any more.
    pub(super) async fn admit(
        &mut self,
        uid: Uid,
        role: ChatRole,
        (how, by): (Joined, Uid),
    ) -> Result<(), ChatError> {
        self.check_room_for(uid).await?;
        let (keys, now) = (&self.core.store.keys, self.core.now());
        let log = self.log();
        let joined = MemberJoined {
            user_id: uid,
            role: role.as_str(),
            by,
            how,
        };
        let kind = EventKind::MemberJoined;
        let seq = self
            .append_members(kind, MembersChange::Other, &joined)
            .await?;
        let member = NewMember {
            uid,
            role,
            from_seq: if self.chat.share_history { 0 } else { seq },
        };
        logs::add_member(&self.tx, keys, log, member, now).await?;
        for list in [ChatList::Requests, ChatList::Invitations] {
            chat_lists::remove(&self.tx, list, log, uid).await?;
        }
        let title = self.chat.title.clone();
        let added = ChatAdded {
            chat_id: ChatId(log),
            chat_log: log,
            title: &title,
            chat_type: self.chat.kind.chat_type(),
            role: role.as_str(),
            by,
        };
        let recipients = notices::recipients(&self.tx, &[uid]).await?;
        self.notify(&recipients, EventKind::ChatAdded, &added)
            .await?;
        Ok(())
    }

    /// Whether there is such a person, who is not kept out, and whether there is room for one more.
    async fn check_room_for(&self, uid: Uid) -> Result<(), ChatError> {
        let (tx, limits) = (&self.tx, self.core.policy.chats);
        // Held: a person comes into one chat at a time, and not while their account is being deleted.
        if accounts::hold_standing(tx, uid).await?.is_none() {
            return Err(ChatError::UserNotFound);
        }
        let (keys, log) = (&self.core.store.keys, self.log());
        let banned = chat_lists::find(tx, keys, ChatList::Bans, log, uid).await?;
        if banned.is_some() {
            return Err(ChatError::Banned);
        }
        let most = match self.chat.kind {
            LogKind::Channel => limits.channel_members,
            _ => limits.group_members,
        };
        if chat_members::count(tx, log).await? >= most {
            return Err(ChatError::LimitReached("this chat is full"));
        }
        if chat_members::count_of_person(tx, uid).await? >= limits.per_person {
            return Err(ChatError::LimitReached(
                "this person is in as many chats as one may be in",
            ));
        }
        Ok(())
    }

    /// Adds a contact of the actor's; asks anybody else.
    pub(super) async fn add_or_invite(&mut self, uid: Uid) -> Result<Addition, ChatError> {
        if self.member(uid).await?.is_some() {
            return Ok(Addition::Member);
        }
        let (blocked, silent) = blocks::between(&self.tx, self.actor, uid).await?;
        if blocked {
            return Err(ChatError::Blocked);
        }
        let relation = contacts::find(&self.tx, self.actor, uid).await?;
        let accepted = relation.is_some_and(|c| c.status == ContactStatus::Accepted);
        if accepted && !silent {
            let how = (Joined::Added, self.actor);
            self.admit(uid, ChatRole::Member, how).await?;
            return Ok(Addition::Added);
        }
        self.check_room_for(uid).await?;
        // Whoever has blocked the actor is not asked, and the actor does not learn that (ADR 21).
        if !silent {
            self.invite(uid).await?;
        }
        Ok(Addition::Invited)
    }

    async fn invite(&mut self, uid: Uid) -> Result<(), ChatError> {
        let (keys, log) = (&self.core.store.keys, self.log());
        let list = ChatList::Invitations;
        if chat_lists::find(&self.tx, keys, list, log, uid)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let invited = Listed {
            chat: log,
            uid,
            by: self.actor,
            created: self.core.now(),
        };
        chat_lists::add(&self.tx, keys, list, invited).await?;
        let title = self.chat.title.clone();
        let notice = ChatInvitation {
            chat_id: ChatId(log),
            title: &title,
            chat_type: self.chat.kind.chat_type(),
            by: self.actor,
        };
        let recipients = notices::recipients(&self.tx, &[uid]).await?;
        let kind = EventKind::ChatInvitation;
        self.notify(&recipients, kind, &notice).await?;
        Ok(())
    }

    /// Notes that the actor asks to be let in, and tells those who run the chat.
    pub(super) async fn request(&mut self) -> Result<(), ChatError> {
        let (keys, log) = (&self.core.store.keys, self.log());
        let asked = Listed {
            chat: log,
            uid: self.actor,
            by: self.actor,
            created: self.core.now(),
        };
        chat_lists::add(&self.tx, keys, ChatList::Requests, asked).await?;
        let notice = JoinRequest {
            chat_id: ChatId(log),
            user_id: self.actor,
        };
        let leaders = chat_members::leaders(&self.tx, log).await?;
        let recipients = notices::recipients(&self.tx, &leaders).await?;
        self.notify(&recipients, EventKind::JoinRequest, &notice)
            .await?;
        Ok(())
    }

    async fn append_left(&mut self, uid: Uid, how: Left) -> Result<Seq, StorageError> {
        let left = MemberLeft {
            user_id: uid,
            by: self.actor,
            how,
        };
        let kind = EventKind::MemberLeft;
        self.append_members(kind, MembersChange::Removal, &left)
            .await
    }

    /// The event that is left of a chat that is deleted: its owner is gone.
    pub(super) async fn last_leave(&mut self) -> Result<Seq, StorageError> {
        self.append_left(self.chat.owner, Left::Deleted).await
    }

    /// Takes a member out. The event of it is the last that they see.
    pub(super) async fn part(&mut self, uid: Uid, how: Left) -> Result<(), StorageError> {
        let log = self.log();
        self.append_left(uid, how).await?;
        logs::remove_member(&self.tx, log, uid).await?;
        cursors::forget(&self.tx, log, uid).await?;
        self.is_gone(uid);
        // An account that is being deleted has no log for it any more.
        if how != Left::Deleted {
            let notice = ChatRemoved {
                chat_id: ChatId(log),
                chat_log: log,
                how,
                by: self.actor,
            };
            let recipients = notices::recipients(&self.tx, &[uid]).await?;
            self.notify(&recipients, EventKind::ChatRemoved, &notice)
                .await?;
        }
        Ok(())
    }

    /// Gives a member another role.
    pub(super) async fn rank(&mut self, uid: Uid, role: ChatRole) -> Result<(), StorageError> {
        chat_members::set_role(&self.tx, self.log(), uid, role).await?;
        let members = RoleChanged {
            user_id: uid,
            role: role.as_str(),
            by: self.actor,
        };
        let kind = EventKind::RoleChanged;
        self.append_members(kind, MembersChange::Other, &members)
            .await?;
        Ok(())
    }
}
