//! What a live connection does with the events of chats.

use std::collections::{HashMap, VecDeque};

use melo_domain::{LogId, MessageId, Uid};
use serde_json::Value;
use serde_json::value::RawValue;

use super::chats::is_not_in;
use super::engine::Engine;
use super::events::{ChatEvent, ChatNews, Event};
use super::messages::{Body, Message, Origin, Refusal};
use super::over::Over;
use crate::crypto::chat_key::ChatKeyError;
use crate::error::ClientError;
use crate::keystore::{ChatKind, KnownChat, Role};
use crate::socket::{ChangeFrame, ChangeKind, ChatNotice, NoticeKind};

/// The most messages of one chat that wait for their key.
const MAX_PARKED: usize = 1_000;

/// Messages whose key has not come.
#[derive(Debug, Default)]
pub(super) struct Parked(HashMap<LogId, VecDeque<(Origin, Box<RawValue>)>>);

impl Parked {
    /// Keeps a message until its key comes.
    fn keep(&mut self, origin: Origin, payload: Box<RawValue>) {
        let waiting = self.0.entry(origin.id.log).or_default();
        if waiting.len() >= MAX_PARKED {
            waiting.pop_front();
        }
        waiting.push_back((origin, payload));
    }

    fn take(&mut self, log: LogId) -> VecDeque<(Origin, Box<RawValue>)> {
        self.0.remove(&log).unwrap_or_default()
    }
}

impl Engine {
    /// A message of a chat.
    pub(super) async fn chat_delivery(
        &mut self,
        origin: Origin,
        payload: Box<RawValue>,
    ) -> Result<(), Over> {
        let log = origin.id.log;
        self.meet(log).await?;
        let message = self.inner.read_message(origin, &payload).await?;
        self.count(log, &message, &payload);
        if message.body == Body::Refused(Refusal::NoKey) {
            self.parked.keep(origin, payload);
        }
        self.emit(Event::Message(message)).await?;
        self.take_delivered(origin.id);
        Ok(())
    }

    /// Counts a message against the life of its key.
    fn count(&self, log: LogId, message: &Message, payload: &RawValue) {
        if matches!(message.body, Body::Refused(_)) {
            return;
        }
        let name = super::chat_keys::key_ref_of(payload.get());
        if let (Some(name), Some(chat)) = (name, self.inner.state().chats.get_mut(&log)) {
            chat.used(&name);
        }
    }

    /// Something done to an earlier message, or a key.
    pub(super) async fn change(
        &mut self,
        kind: ChangeKind,
        frame: ChangeFrame,
    ) -> Result<bool, Over> {
        let id = MessageId {
            log: frame.log,
            seq: frame.seq,
        };
        if self.is_known(id) {
            return Ok(false);
        }
        let in_chat = frame.chat_id.is_some();
        if in_chat {
            self.meet(frame.log).await?;
        }
        if kind == ChangeKind::ChatKey {
            self.key(id, frame).await?;
        } else {
            let change = self.inner.read_change(kind, frame).await?;
            self.emit(Event::Change(change)).await?;
        }
        if in_chat {
            self.take_delivered(id);
        } else {
            self.take(id);
        }
        Ok(true)
    }

    async fn key(&mut self, id: MessageId, frame: ChangeFrame) -> Result<(), Over> {
        let Some(payload) = frame.payload else {
            return Ok(());
        };
        let origin = Origin {
            id,
            from: frame.from,
            device: frame.device,
            at: frame.at,
            chat: true,
        };
        match self.inner.take_key(origin, &payload).await? {
            Ok(Some(_)) => self.read_parked(id.log).await,
            // Known before, or for others, who had been forgotten.
            Ok(None) | Err(Refusal::ChatKey(ChatKeyError::NotForThisDevice)) => Ok(()),
            Err(refusal) => {
                let from = frame.from;
                let news = ChatNews::KeyRefused { from, refusal };
                let (chat, at) = (id.log, frame.at);
                self.emit(Event::Chat(ChatEvent { chat, id, at, news }))
                    .await
            }
        }
    }

    /// Messages that waited for the key that has come.
    async fn read_parked(&mut self, log: LogId) -> Result<(), Over> {
        for (origin, payload) in self.parked.take(log) {
            let message = self.inner.read_message(origin, &payload).await?;
            if message.body == Body::Refused(Refusal::NoKey) {
                self.parked.keep(origin, payload);
            } else {
                self.count(log, &message, &payload);
                self.emit(Event::NowReadable(message)).await?;
            }
        }
        Ok(())
    }

    /// Learns about a chat that this device does not know yet.
    async fn meet(&mut self, log: LogId) -> Result<(), Over> {
        match self.inner.known_chat(log).await {
            // One is out of it again: what comes is still taken, or its log would stand still.
            Err(ClientError::NotAMember(_)) => {}
            Err(error) if is_not_in(error.code()) => {}
            other => other?,
        }
        let mut state = self.inner.state();
        let unknown = || KnownChat::new(String::new(), ChatKind::Group, None);
        state.chats.entry(log).or_insert_with(unknown);
        Ok(())
    }

    /// Something that happened to a chat or its members.
    pub(super) async fn chat_notice(
        &mut self,
        kind: NoticeKind,
        notice: ChatNotice,
    ) -> Result<bool, Over> {
        let id = MessageId {
            log: notice.log,
            seq: notice.seq,
        };
        if self.is_known(id) {
            return Ok(false);
        }
        let (chat, at) = (notice.chat_id.0, notice.at);
        let own_leave = kind == NoticeKind::MemberLeft && notice.user_id == Some(self.inner.uid);
        let news = match kind {
            NoticeKind::ChatAdded
            | NoticeKind::ChatRemoved
            | NoticeKind::ChatInvitation
            | NoticeKind::JoinRequest => self.private_news(kind, notice).await?,
            NoticeKind::KeysChanged => self.keys_of_member(chat, notice).await?,
            _ => self.members_news(kind, notice).await?,
        };
        if let Some(news) = news {
            self.emit(Event::Chat(ChatEvent { chat, id, at, news }))
                .await?;
        }
        if own_leave {
            let mut state = self.inner.state();
            self.progress.forget(&mut state.cursors, id.log);
        } else if id.log == chat {
            self.take_delivered(id);
        } else {
            self.take(id);
        }
        Ok(true)
    }

    /// What happened in the log of a chat.
    async fn members_news(
        &mut self,
        kind: NoticeKind,
        notice: ChatNotice,
    ) -> Result<Option<ChatNews>, Over> {
        let log = notice.log;
        self.meet(log).await?;
        let by = notice.by;
        let news = {
            let mut state = self.inner.state();
            let Some(chat) = state.chats.get_mut(&log) else {
                return Ok(None);
            };
            note(chat, self.inner.uid, kind, &notice);
            let how = notice.how.unwrap_or_default();
            match (kind, notice.user_id) {
                (NoticeKind::MemberJoined, Some(user)) => ChatNews::Joined {
                    user,
                    role: notice.role,
                    by,
                    how,
                },
                (NoticeKind::MemberLeft, Some(user)) => ChatNews::Left { user, by, how },
                (NoticeKind::RoleChanged, Some(user)) => ChatNews::RoleChanged {
                    user,
                    role: notice.role,
                    by,
                },
                (NoticeKind::ChatChanged, _) => ChatNews::Changed {
                    by,
                    changes: notice.changes,
                },
                _ => return Ok(None),
            }
        };
        if let ChatNews::Joined { user, by, .. } = &news {
            self.welcome(log, *user, *by).await?;
        }
        Ok(Some(news))
    }

    /// Hands earlier keys to somebody new, when it is this account that let them in, or the chat's owner is asked
    /// because they let themselves in.
    async fn welcome(&mut self, log: LogId, user: Uid, by: Option<Uid>) -> Result<(), Over> {
        let own = self.inner.uid;
        let is_host = {
            let state = self.inner.state();
            let role = state.chats.get(&log).and_then(|chat| chat.role);
            let owns = role.is_some_and(|role| role.0 == melo_domain::ChatRole::Owner);
            by == Some(own) || (owns && by.is_none_or(|by| by == user))
        };
        if user == own || !is_host {
            return Ok(());
        }
        match self.inner.share_earlier_keys(log, user).await {
            Err(error) if error.is_transient() => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a new member was not handed the earlier keys");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The devices of a member changed.
    async fn keys_of_member(
        &mut self,
        log: LogId,
        notice: ChatNotice,
    ) -> Result<Option<ChatNews>, Over> {
        self.meet(log).await?;
        let Some(user) = notice.user_id else {
            return Ok(None);
        };
        let identity_changed = self.keys_changed(user, notice.version).await;
        Ok(Some(ChatNews::KeysChanged {
            user,
            identity_changed,
        }))
    }

    /// What happened in one's private log.
    async fn private_news(
        &mut self,
        kind: NoticeKind,
        notice: ChatNotice,
    ) -> Result<Option<ChatNews>, Over> {
        let (log, by) = (notice.chat_id.0, notice.by);
        let title = notice.title.unwrap_or_default();
        let chat_kind = notice.chat_type.unwrap_or(ChatKind::Group);
        let how = notice.how.unwrap_or_default();
        Ok(match kind {
            NoticeKind::ChatAdded => {
                self.meet(log).await?;
                Some(ChatNews::Added {
                    title,
                    kind: chat_kind,
                    by,
                })
            }
            NoticeKind::ChatRemoved => {
                let mut state = self.inner.state();
                if let Some(chat) = state.chats.get_mut(&log) {
                    leave(chat);
                }
                self.progress.forget(&mut state.cursors, log);
                Some(ChatNews::Removed { by, how })
            }
            NoticeKind::ChatInvitation => Some(ChatNews::Invitation {
                title,
                kind: chat_kind,
                by,
            }),
            _ => notice.user_id.map(|user| ChatNews::JoinRequest { user }),
        })
    }
}

fn leave(chat: &mut KnownChat) {
    chat.role = None;
    chat.members.clear();
}

/// Puts down what a notice says of the chat.
fn note(chat: &mut KnownChat, own: Uid, kind: NoticeKind, notice: &ChatNotice) {
    match (kind, notice.user_id) {
        (NoticeKind::MemberJoined | NoticeKind::RoleChanged, Some(user)) => {
            let role = notice.role.unwrap_or(Role(melo_domain::ChatRole::Member));
            chat.members.insert(user, role);
            if user == own {
                chat.role = Some(role);
            }
        }
        (NoticeKind::MemberLeft, Some(user)) => {
            chat.somebody_left(notice.seq);
            chat.members.remove(&user);
            if user == own {
                leave(chat);
            }
        }
        (NoticeKind::ChatChanged, _) => {
            let changes = &notice.changes;
            if let Some(title) = changes.get("title").and_then(Value::as_str) {
                title.clone_into(&mut chat.title);
            }
            if let Some(share) = changes.get("share_history").and_then(Value::as_bool) {
                chat.share_history = share;
            }
            if let Some(keep) = changes.get("retention_seconds") {
                chat.retention = keep.as_u64().unwrap_or(0);
            }
        }
        _ => {}
    }
}
