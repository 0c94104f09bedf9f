//! One change of a chat: a transaction that holds the chat's log, so that whoever acts is judged by how the chat stands
//! now, and what is to be told once it is committed.

use std::sync::Arc;

use melo_domain::{
    ChatAction, ChatRole, EventKind, LogEvent, LogId, LogKind, Seq, Uid, may_in_chat,
};
use melo_realtime::{BusMessage, LiveEvent};
use melo_storage::chat_members::{self, Member};
use melo_storage::chats::{self, Chat};
use melo_storage::{DatabaseTransaction, NewEvent, StorageError, events, logs};
use serde::Serialize;

use super::room::room;
use super::{ChatError, changed};
use crate::audit::{self, Action, Object};
use crate::notices::{self, Notice, Recipient};
use crate::{Core, Origin};

/// A chat that nobody else changes until this is committed or dropped.
pub(super) struct Change<'a> {
    pub core: &'a Core,
    pub tx: DatabaseTransaction,
    /// As it stands.
    pub chat: Chat,
    /// Who acts.
    pub actor: Uid,
    told: Told,
}

/// What a transaction has written of one chat, and nobody knows yet.
#[must_use = "publish it after the commit"]
pub(crate) struct Told {
    log: LogId,
    kind: LogKind,
    events: Vec<LogEvent>,
    notices: Vec<Notice>,
    /// Who is no longer in it, and is to know that.
    gone: Vec<Uid>,
    /// The event of the last change of members.
    members_seq: Seq,
    change: Option<MembersChange>,
}

/// The strongest thing that happened to the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MembersChange {
    /// Somebody came, or has another role.
    Other,
    /// Somebody is gone: keys made before are stale.
    Removal,
}

/// Begins a change of this chat by `actor`, who may be in it or not.
pub(super) async fn begin(core: &Core, log: LogId, actor: Uid) -> Result<Change<'_>, ChatError> {
    let tx = core.store.db.begin().await?;
    begin_in(core, tx, log, actor).await
}

/// The same in a transaction that is open already.
pub(super) async fn begin_in(
    core: &Core,
    tx: DatabaseTransaction,
    log: LogId,
    actor: Uid,
) -> Result<Change<'_>, ChatError> {
    // First of all: what is read after it is how the chat stands.
    logs::lock(&tx, log).await?;
    let chat = chats::find(&tx, &core.store.keys, log).await?;
    let chat = chat.ok_or(ChatError::NotAMember)?;
    let members_seq = logs::bounds(&tx, log).await?.members_seq;
    let told = Told::new(log, chat.kind, members_seq);
    Ok(Change {
        core,
        tx,
        chat,
        actor,
        told,
    })
}

impl<'a> Change<'a> {
    /// A change that begins with the making of the chat, in a transaction that is open already.
    pub(super) fn of_new(core: &'a Core, tx: DatabaseTransaction, chat: Chat) -> Self {
        let told = Told::new(chat.log, chat.kind, 0);
        Self {
            core,
            tx,
            actor: chat.owner,
            chat,
            told,
        }
    }

    pub(super) fn log(&self) -> LogId {
        self.chat.log
    }

    pub(super) async fn member(&self, uid: Uid) -> Result<Option<Member>, StorageError> {
        chat_members::find(&self.tx, self.chat.log, uid).await
    }

    /// The actor's role, if it reaches for this.
    pub(super) async fn allow(&self, action: ChatAction) -> Result<ChatRole, ChatError> {
        let actor = self.member(self.actor).await?;
        let role = actor.ok_or(ChatError::NotAMember)?.role;
        if may_in_chat(self.chat.kind, role, action, None) {
            Ok(role)
        } else {
            Err(ChatError::Forbidden)
        }
    }

    /// The member whom the actor may do this to.
    pub(super) async fn allow_on(
        &self,
        action: ChatAction,
        target: Uid,
    ) -> Result<Member, ChatError> {
        let role = self.allow(action).await?;
        let target = self.member(target).await?.ok_or(ChatError::NotFound)?;
        if may_in_chat(self.chat.kind, role, action, Some(target.role)) {
            Ok(target)
        } else {
            Err(ChatError::Forbidden)
        }
    }

    /// Appends an event to the chat's log.
    pub(super) async fn append(
        &mut self,
        kind: EventKind,
        members: &impl Serialize,
    ) -> Result<Seq, StorageError> {
        let payload = serde_json::to_string(members).map_err(|_| StorageError::Corrupt("event"))?;
        let new = NewEvent::new(self.chat.log, kind, self.actor, payload);
        let event = events::append(&self.tx, &self.core.store.keys, new, self.core.now()).await?;
        let seq = event.seq;
        self.told.events.push(event);
        Ok(seq)
    }

    /// Appends an event about who is in the chat and as what.
    pub(super) async fn append_members(
        &mut self,
        kind: EventKind,
        change: MembersChange,
        members: &impl Serialize,
    ) -> Result<Seq, StorageError> {
        let seq = self.append(kind, members).await?;
        self.told.members_seq = seq;
        self.told.change = self.told.change.max(Some(change));
        Ok(seq)
    }

    /// Puts a notice into people's private logs.
    pub(super) async fn notify(
        &mut self,
        recipients: &[Recipient],
        kind: EventKind,
        members: &impl Serialize,
    ) -> Result<(), StorageError> {
        let (core, tx) = (self.core, &self.tx);
        let told = notices::append_each(core, tx, recipients, kind, self.actor, members).await?;
        self.told.notices.extend(told);
        Ok(())
    }

    /// Somebody is out: they are told of it, and of nothing after it.
    pub(super) fn is_gone(&mut self, uid: Uid) {
        self.told.gone.push(uid);
    }

    /// Notes it in the audit log. The last thing before the commit.
    pub(super) async fn record(
        &self,
        origin: &Origin,
        action: Action,
        details: &impl Serialize,
    ) -> Result<(), StorageError> {
        let (actor, object) = (Some(self.actor), Object::Chat(self.chat.log));
        audit::record(self.core, &self.tx, origin, actor, action, object, details).await
    }

    /// Writes down that the members have changed, and hands out the transaction for what else belongs into it.
    pub(super) async fn finish(self) -> Result<(DatabaseTransaction, Told), StorageError> {
        let told = self.told;
        if let Some(change) = told.change {
            let removal = change == MembersChange::Removal;
            logs::note_members_change(&self.tx, told.log, told.members_seq, removal).await?;
        }
        Ok((self.tx, told))
    }

    /// Commits, and tells everybody whom it concerns.
    pub(super) async fn commit(self) -> Result<(), ChatError> {
        let core = self.core;
        let (tx, told) = self.finish().await?;
        tx.commit().await.map_err(StorageError::from)?;
        told.publish(core).await;
        Ok(())
    }
}

impl Told {
    fn new(log: LogId, kind: LogKind, members_seq: Seq) -> Self {
        Self {
            log,
            kind,
            events: Vec::new(),
            notices: Vec::new(),
            gone: Vec::new(),
            members_seq,
            change: None,
        }
    }

    /// Events of a chat that were written in another way, and changed its members or their devices.
    pub(crate) fn of_event(event: LogEvent, kind: LogKind) -> Self {
        let mut told = Self::new(event.log, kind, event.seq);
        told.events.push(event);
        told
    }

    /// To be called after the commit: short memories of the chat are forgotten first, so that nobody is told by an
    /// old one.
    pub(crate) async fn publish(self, core: &Core) {
        changed(core, self.log, self.members_seq);
        let mut audience = self.gone;
        match room(core, self.log).await {
            Ok(room) => audience.extend(room.members.iter()),
            Err(ChatError::NotFound) => {}
            // Who missed it reads it from the log.
            Err(error) => tracing::warn!(%error, "a change of a chat could not be told at once"),
        }
        let audience: Arc<[Uid]> = audience.into();
        for event in self.events {
            core.bus.publish(BusMessage::Event {
                event: Arc::new(LiveEvent::new(event, self.kind)),
                audience: Arc::clone(&audience),
            });
        }
        notices::publish(core, self.notices);
    }
}
