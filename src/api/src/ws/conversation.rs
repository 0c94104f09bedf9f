//! Frames about what is in a conversation already: changes of messages, frames that only clients know, drafts, history.

use melo_protocol::frame::{History, MessageChange, Recipient};
use melo_services::drafts;
use melo_services::live::LiveSession;
use melo_services::messages::{self, Change, ChangeInput, Destination, RelayedInput};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::connection::{Connection, End};
use super::current_string;
use super::dispatch::{destination, json, refused};

/// Messages in one answer to `get_history`.
const HISTORY_PAGE: u32 = 50;

/// A frame's change, as the service takes it.
pub(super) fn change<'a>(change: &'a MessageChange<'a>) -> Change<'a> {
    match change {
        MessageChange::Edit(payload) => Change::Edit(payload),
        MessageChange::Delete => Change::Delete,
        MessageChange::Pin(true) => Change::Pin,
        MessageChange::Pin(false) => Change::Unpin,
        MessageChange::React(reaction) => Change::React(reaction),
        MessageChange::ReactSealed(payload) => Change::ReactSealed(payload),
    }
}

impl Connection {
    pub(super) async fn change(
        &mut self,
        live: &LiveSession,
        input: ChangeInput<'_>,
    ) -> Result<(), End> {
        let client_id = input.client_id;
        if let Err(wait) = self.take_message() {
            return self.answer_limited(Some((input.to, client_id)), wait).await;
        }
        let sent = messages::change(&self.core, live.caller(), input).await;
        self.accepted(sent, client_id).await
    }

    pub(super) async fn relay_frame(
        &mut self,
        live: &LiveSession,
        input: RelayedInput<'_>,
    ) -> Result<(), End> {
        let client_id = input.client_id;
        if let Err(wait) = self.take_message() {
            return self.answer_limited(Some((input.to, client_id)), wait).await;
        }
        let sent = messages::relay_frame(&self.core, live.caller(), input).await;
        self.accepted(sent, client_id).await
    }

    /// A draft is answered with the frame that the person's other devices get.
    pub(super) async fn draft(
        &mut self,
        live: &LiveSession,
        to: Destination,
        payload: Option<&RawValue>,
        client_id: Option<Uuid>,
    ) -> Result<(), End> {
        if let Err(wait) = self.take_message() {
            return self.answer_limited(None, wait).await;
        }
        let saved = drafts::save(&self.core, live.caller(), to, payload).await;
        let text = match saved {
            Ok(saved) => json(&saved.frame(payload, client_id)),
            Err(error) => refused(error, client_id),
        };
        self.write(text).await
    }

    pub(super) async fn history(&mut self, live: &LiveSession, of: Recipient) -> Result<(), End> {
        let found =
            messages::history(&self.core, live.caller(), destination(of), 1, HISTORY_PAGE).await;
        match found {
            Ok(page) => {
                let kid = page.kid.as_deref();
                let messages = page
                    .messages
                    .iter()
                    .map(|message| current_string(message, kid))
                    .collect();
                let (target, chat_id) = match of {
                    Recipient::Person(uid) => (Some(uid), None),
                    Recipient::Chat(chat) => (None, Some(chat)),
                };
                let history = History {
                    target,
                    chat_id,
                    messages,
                };
                self.write(json(&history)).await
            }
            Err(error) => self.write(refused(error, None)).await,
        }
    }
}
