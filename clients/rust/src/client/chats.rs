//! Groups and channels: what an application asks of them.

use std::collections::BTreeMap;

use melo_domain::{LogId, Uid};
use melo_protocol::ErrorCode;
use serde_json::Value;

use super::messages::{Body, Message, Refusal};
use super::{Client, Inner};
use crate::error::ClientError;
use crate::keystore::{ChatKind, KnownChat, Role};
use crate::rest::chats as calls;
use crate::rest::chats::{ChatInfo, Created, Invite, Joined, Member, Part};

/// Chats a page, the most that the server gives.
const PER_PAGE: u32 = 100;
/// Members a page.
const MEMBERS_PER_PAGE: u32 = 100;
/// The most pages that are asked for.
const MAX_PAGES: u32 = 1_000;

impl Client {
    /// Makes a group or channel with these people in it; who does not let themselves be added is invited.
    pub async fn create_chat(
        &self,
        name: &str,
        kind: ChatKind,
        description: Option<&str>,
        members: &[Uid],
    ) -> Result<Created, ClientError> {
        let call = calls::create(name, kind, description, members)?;
        let created = self.inner.call(&call).await?;
        self.inner.refresh_chat(created.chat_id.0).await?;
        Ok(created)
    }

    /// The chats one is in, from the server.
    pub async fn chats(&self) -> Result<Vec<ChatInfo>, ClientError> {
        let mut chats = Vec::new();
        for page in 1..=MAX_PAGES {
            let answer = self.inner.call(&calls::list(page, PER_PAGE)).await?;
            chats.extend(answer.chats);
            if u64::from(page) >= answer.pages {
                break;
            }
        }
        for info in &chats {
            self.inner.note_chat(info);
        }
        self.inner.save().await?;
        Ok(chats)
    }

    /// One chat, from the server.
    pub async fn chat(&self, chat: LogId) -> Result<ChatInfo, ClientError> {
        let info = self.inner.call(&calls::info(chat)).await?;
        self.inner.note_chat(&info);
        self.inner.save().await?;
        Ok(info)
    }

    /// What this device remembers of a chat.
    pub fn remembered_chat(&self, chat: LogId) -> Option<KnownChat> {
        self.inner.state().chats.get(&chat).cloned()
    }

    /// Changes title, description or rules: the members of PUT /chats/{id}.
    pub async fn change_chat(&self, chat: LogId, changes: &Value) -> Result<(), ClientError> {
        self.inner.call(&calls::change(chat, changes)?).await?;
        Ok(())
    }

    /// Deletes a chat for everybody.
    pub async fn delete_chat(&self, chat: LogId) -> Result<(), ClientError> {
        self.inner.call(&calls::delete(chat)).await?;
        Ok(())
    }

    /// Who is in a chat, from the server.
    pub async fn members(&self, chat: LogId) -> Result<Vec<Member>, ClientError> {
        let members = self.inner.fetch_members(chat).await?;
        self.inner.note_members(chat, &members);
        self.inner.save().await?;
        Ok(members)
    }

    /// Adds somebody, or asks them where they are no contact: `added`, `invited`, or `member` when they were in it
    /// before. Where the chat shares its history, they are handed the earlier keys.
    pub async fn add_member(&self, chat: LogId, uid: Uid) -> Result<String, ClientError> {
        let added = self.inner.call(&calls::add_member(chat, uid)?).await?;
        if added.status == "added" {
            self.inner.known_chat(chat).await?;
            self.inner.share_earlier_keys(chat, uid).await?;
            self.inner.settle_appended();
            self.inner.save().await?;
        }
        Ok(added.status)
    }

    /// Takes somebody out. What is written from then on they cannot read.
    pub async fn remove_member(&self, chat: LogId, uid: Uid) -> Result<(), ClientError> {
        self.inner.call(&calls::remove_member(chat, uid)?).await?;
        if let Some(known) = self.inner.state().chats.get_mut(&chat) {
            known.members.remove(&uid);
            known.retire_all();
        }
        self.inner.save().await
    }

    /// Gives a member another rank.
    pub async fn set_role(&self, chat: LogId, uid: Uid, role: Role) -> Result<(), ClientError> {
        self.inner.call(&calls::set_role(chat, uid, role)?).await?;
        Ok(())
    }

    /// Hands a chat to another member.
    pub async fn transfer_chat(&self, chat: LogId, uid: Uid) -> Result<(), ClientError> {
        self.inner.call(&calls::transfer(chat, uid)?).await?;
        Ok(())
    }

    /// Leaves a chat.
    pub async fn leave_chat(&self, chat: LogId) -> Result<(), ClientError> {
        self.inner.call(&calls::leave(chat)?).await?;
        if let Some(known) = self.inner.state().chats.get_mut(&chat) {
            known.role = None;
            known.members.clear();
        }
        self.inner.save().await
    }

    /// Makes an invite: whoever has its code can join.
    pub async fn create_invite(
        &self,
        chat: LogId,
        ttl_minutes: Option<u32>,
        max_uses: Option<u32>,
    ) -> Result<Invite, ClientError> {
        let call = calls::create_invite(chat, ttl_minutes, max_uses)?;
        self.inner.call(&call).await
    }

    /// Joins by an invite's code.
    pub async fn join_chat(&self, code: &str) -> Result<Joined, ClientError> {
        let joined = self.inner.call(&calls::join(code)?).await?;
        if joined.status.as_deref() != Some("requested") {
            self.inner.refresh_chat(joined.chat_id.0).await?;
        }
        Ok(joined)
    }

    /// Answers an invitation.
    pub async fn answer_invitation(&self, chat: LogId, accept: bool) -> Result<(), ClientError> {
        let call = calls::answer_invitation(chat, accept)?;
        self.inner.call(&call).await?;
        if accept {
            self.inner.refresh_chat(chat).await?;
        }
        Ok(())
    }

    /// Answers somebody who asks to be let in. Where the chat shares its history, they are handed the earlier keys.
    pub async fn answer_join_request(
        &self,
        chat: LogId,
        uid: Uid,
        approve: bool,
    ) -> Result<(), ClientError> {
        let call = calls::answer_request(chat, uid, approve)?;
        self.inner.call(&call).await?;
        if approve {
            self.inner.known_chat(chat).await?;
            self.inner.share_earlier_keys(chat, uid).await?;
            self.inner.settle_appended();
        }
        self.inner.save().await
    }

    /// A part of a chat's history, oldest message first.
    pub async fn chat_history(
        &self,
        chat: LogId,
        part: Part,
        limit: u32,
    ) -> Result<Vec<Message>, ClientError> {
        let inner = &self.inner;
        inner.known_chat(chat).await?;
        let answer = inner.call(&calls::history(chat, part, limit)).await?;
        let mut collected = false;
        let mut messages = Vec::with_capacity(answer.events.len());
        for entry in answer
            .events
            .into_iter()
            .filter(|entry| entry.call.is_none())
        {
            let mut message = inner.read_entry(chat, true, &entry).await?;
            if message.body == Body::Refused(Refusal::NoKey) && !collected {
                // This device may not have been online since the key was handed out.
                collected = true;
                inner.collect_keys(chat).await?;
                message = inner.read_entry(chat, true, &entry).await?;
            }
            messages.push(message);
        }
        inner.save().await?;
        Ok(messages)
    }
}

impl Inner {
    /// Makes sure that this device knows the chat and who is in it.
    pub(super) async fn known_chat(&self, log: LogId) -> Result<(), ClientError> {
        let known = {
            let state = self.state();
            let chat = state.chats.get(&log);
            chat.is_some_and(|c| c.role.is_some() && !c.members.is_empty())
        };
        if known {
            Ok(())
        } else {
            self.refresh_chat(log).await
        }
    }

    /// Fetches a chat and its members.
    pub(super) async fn refresh_chat(&self, log: LogId) -> Result<(), ClientError> {
        let info = match self.call(&calls::info(log)).await {
            Err(error) if is_not_in(error.code()) => return Err(ClientError::NotAMember(log)),
            other => other?,
        };
        let members = self.fetch_members(log).await?;
        self.note_chat(&info);
        self.note_members(log, &members);
        self.save().await
    }

    async fn fetch_members(&self, log: LogId) -> Result<Vec<Member>, ClientError> {
        let (mut members, mut after) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let call = calls::members(log, after, MEMBERS_PER_PAGE);
            let page = self.call(&call).await?;
            members.extend(page.members);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(members)
    }

    fn note_chat(&self, info: &ChatInfo) {
        let mut state = self.state();
        let new = || KnownChat::new(info.title.clone(), info.kind, info.role);
        let chat = state.chats.entry(info.chat_id.0).or_insert_with(new);
        chat.title.clone_from(&info.title);
        chat.kind = info.kind;
        chat.role = info.role.or(chat.role);
        chat.share_history = info.share_history;
        chat.retention = info.retention_seconds.unwrap_or(chat.retention);
    }

    fn note_members(&self, log: LogId, members: &[Member]) {
        let all: BTreeMap<Uid, Role> = members.iter().map(|m| (m.user_id, m.role)).collect();
        if let Some(chat) = self.state().chats.get_mut(&log) {
            chat.role = all.get(&self.uid).copied();
            let gone = chat.members.keys().any(|uid| !all.contains_key(uid));
            if gone {
                chat.retire_all();
            }
            chat.members = all;
        }
    }
}

/// Whether the server says that one is not in the chat, or that there is none.
pub(super) fn is_not_in(code: Option<ErrorCode>) -> bool {
    matches!(
        code,
        Some(ErrorCode::NotAMember | ErrorCode::NotFound | ErrorCode::Forbidden)
    )
}
