//! What each frame asks for: parse, one service call, answer.

use std::borrow::Cow;
use std::time::Duration;

use melo_domain::{ChatId, Uid};
use melo_protocol::frame::{
    ClientFrame, ContactState, ErrorFrame, MsgStatus, Pong, Recipient, StatusKind,
};
use melo_protocol::{CloseCode, ErrorCode, SERVER_VERSION};
use melo_realtime::Rate;
use melo_services::account::{self, AuthError};
use melo_services::chats::{self, KeyInput};
use melo_services::live::LiveSession;
use melo_services::messages::{
    self, Accepted, ChangeInput, Destination, MessageError, Progress, RelayedInput, SendInput,
};
use melo_services::presence;
use melo_services::typing;
use melo_storage::{AppendError, Appended};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::connection::{Connection, End};
use super::conversation;
use crate::error::ApiError;

/// Frames of any kind for each message that the rate allows: acknowledgements and pings come on top.
const FRAMES_PER_MESSAGE: u32 = 20;

/// A message whose fate is known.
pub(super) struct Done {
    pub outcome: Result<Appended, AppendError>,
    pub to: Destination,
    pub client_id: Option<Uuid>,
}

impl Connection {
    /// Handles one text frame.
    pub(super) async fn dispatch(&mut self, text: &str, live: &mut LiveSession) -> Result<(), End> {
        let rate = self.core.message_rate();
        let any = Rate {
            count: rate.count.saturating_mul(FRAMES_PER_MESSAGE),
            per: rate.per,
        };
        if let Err(wait) = self.frames.take(any, self.started.elapsed()) {
            return self.answer_limited(None, wait).await;
        }
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(error) => {
                return self
                    .write(json(&ErrorFrame::new(
                        error.code,
                        error.detail,
                        error.client_id,
                    )))
                    .await;
            }
        };
        self.serve_frame(frame, live).await
    }

    async fn serve_frame(
        &mut self,
        frame: ClientFrame<'_>,
        live: &mut LiveSession,
    ) -> Result<(), End> {
        if matches!(
            frame,
            ClientFrame::Resume(_) | ClientFrame::GetHistory { .. }
        ) {
            // These read the database: they cost as much as a message.
            if let Err(wait) = self.take_message() {
                return self.answer_limited(None, wait).await;
            }
        }
        let done = match frame {
            ClientFrame::Relay {
                to,
                payload,
                client_id,
            } => {
                let input = SendInput {
                    to: destination(to),
                    payload,
                    client_id,
                };
                return self.relay(live, input).await;
            }
            ClientFrame::Change {
                to,
                message_id,
                change,
                client_id,
            } => {
                let input = ChangeInput {
                    to: destination(to),
                    message_id,
                    change: conversation::change(&change),
                    client_id,
                };
                return self.change(live, input).await;
            }
            ClientFrame::Relayed {
                to,
                name,
                members,
                client_id,
            } => {
                let input = RelayedInput {
                    to: destination(to),
                    name: &name,
                    members: &members,
                    client_id,
                };
                return self.relay_frame(live, input).await;
            }
            ClientFrame::Draft {
                to,
                payload,
                client_id,
            } => {
                return self.draft(live, destination(to), payload, client_id).await;
            }
            ClientFrame::ChatKey {
                chat,
                payload,
                client_id,
            } => {
                let input = KeyInput {
                    log: chat.0,
                    payload,
                    client_id,
                };
                return self.chat_key(live, input).await;
            }
            ClientFrame::Ack { log, seq } => live.acknowledge(log, seq, Progress::Delivered).await,
            ClientFrame::AckReceived(id) => {
                live.acknowledge(id.log, id.seq, Progress::Delivered).await
            }
            ClientFrame::AckRead(id) => live.acknowledge(id.log, id.seq, Progress::Read).await,
            ClientFrame::Resume(cursors) => {
                self.resume_until = None;
                live.resume(&cursors).await
            }
            ClientFrame::Ping => return self.pong(live).await,
            ClientFrame::GetHistory { of } => return self.history(live, of).await,
            ClientFrame::TypingStart(place) => return self.typing(live, place, true).await,
            ClientFrame::TypingStop(place) => return self.typing(live, place, false).await,
            ClientFrame::Call(frame) => return Box::pin(self.call(live, &frame)).await,
            ClientFrame::CallQuality(frame) => return self.call_quality(live, frame).await,
            ClientFrame::Reauth { token } => return self.reauth(live, &token).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.write(refused(error, None)).await,
        }
    }

    /// Takes one message from the person's budget; `Err` is the time until the next one.
    pub(super) fn take_message(&self) -> Result<(), Duration> {
        let rate = self.core.message_rate();
        self.registration.budget().take(rate, self.core.uptime())
    }

    async fn relay(&mut self, live: &LiveSession, input: SendInput<'_>) -> Result<(), End> {
        let (to, client_id) = (input.to, input.client_id);
        if let Err(wait) = self.take_message() {
            return self.answer_limited(Some((to, client_id)), wait).await;
        }
        let sent = messages::send(&self.core, live.caller(), input).await;
        self.accepted(sent, client_id).await
    }

    /// An event is on its way, and answered when it is on disk; or it was refused.
    pub(super) async fn accepted(
        &mut self,
        sent: Result<Accepted, MessageError>,
        client_id: Option<Uuid>,
    ) -> Result<(), End> {
        match sent {
            Ok(accepted) => {
                self.in_flight.push_back(accepted);
                Ok(())
            }
            Err(error) => self.write(refused(error, client_id)).await,
        }
    }

    /// A key of a chat. Rare, and more than a row: it is waited for.
    async fn chat_key(&mut self, live: &LiveSession, input: KeyInput<'_>) -> Result<(), End> {
        let (to, client_id) = (Destination::Chat(input.log), input.client_id);
        if let Err(wait) = self.take_message() {
            return self.answer_limited(Some((to, client_id)), wait).await;
        }
        let text = match chats::share_key(&self.core, live.caller(), input).await {
            Ok(appended) => self.queued(to, client_id, appended),
            Err(error) => refused(error, client_id),
        };
        self.write(text).await
    }

    fn queued(&self, to: Destination, client_id: Option<Uuid>, appended: Appended) -> String {
        let own = self.caller().uid;
        let (to, chat_id) = addressee(own, to);
        json(&MsgStatus {
            status: StatusKind::Queued,
            message_id: Some(melo_domain::MessageId {
                log: appended.log,
                seq: appended.seq,
            }),
            client_id,
            log: Some(appended.log),
            seq: Some(appended.seq),
            at: appended.at,
            from: own,
            to,
            chat_id,
            retry_after: None,
        })
    }

    /// The answer to a message whose fate is known.
    pub(super) fn answer_receipt(&self, done: Done) -> String {
        match done.outcome {
            Ok(appended) => self.queued(done.to, done.client_id, appended),
            Err(error) => refused(MessageError::from(error), done.client_id),
        }
    }

    async fn pong(&mut self, live: &LiveSession) -> Result<(), End> {
        match presence::pong(&self.core, live.caller()).await {
            Ok(contacts) => {
                let states = contacts.into_iter().map(|contact| {
                    let state = ContactState {
                        status: Cow::Owned(contact.shown.in_words()),
                        typing: contact.typing,
                    };
                    (contact.uid, state)
                });
                let pong = Pong {
                    contacts_status: states.collect(),
                    server_version: Cow::Borrowed(SERVER_VERSION),
                    timestamp: self.core.now(),
                };
                self.write(json(&pong)).await
            }
            Err(error) => self.write(refused(error, None)).await,
        }
    }

    /// Told to others, and answered only when it is refused.
    async fn typing(
        &mut self,
        live: &LiveSession,
        place: Recipient,
        starts: bool,
    ) -> Result<(), End> {
        let place = destination(place);
        let done = if starts {
            typing::start(&self.core, live.caller(), place).await
        } else {
            typing::stop(&self.core, live.caller(), place).await
        };
        match done {
            Ok(()) => Ok(()),
            Err(error) => self.write(refused(error, None)).await,
        }
    }

    async fn reauth(&mut self, live: &mut LiveSession, token: &str) -> Result<(), End> {
        match account::authenticate(&self.core, token).await {
            Ok(caller) if live.renew(caller) => {
                self.registration.set_session(caller.session);
                // An end between the check and this line was told to the session before.
                match account::still_signed_in(&self.core, caller).await {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(End::because(
                        CloseCode::SessionRevoked,
                        "this session was ended",
                    )),
                    Err(error) => self.write(refused(error, None)).await,
                }
            }
            Ok(_) => {
                let detail =
                    "the token is of another person or device; open a new connection with it";
                self.write(json(&ErrorFrame::new(
                    ErrorCode::InvalidToken,
                    detail,
                    None,
                )))
                .await
            }
            Err(AuthError::SessionRevoked) => Err(End::because(
                CloseCode::SessionRevoked,
                "this session was ended",
            )),
            Err(error) => self.write(refused(error, None)).await,
        }
    }

    /// Too fast. A message is answered as existing clients know it, anything else with an error.
    pub(super) async fn answer_limited(
        &mut self,
        message: Option<(Destination, Option<Uuid>)>,
        wait: Duration,
    ) -> Result<(), End> {
        let retry_after = Some(wait.as_secs().max(1));
        let text = match message {
            Some((to, client_id)) => {
                let from = self.caller().uid;
                let (to, chat_id) = addressee(from, to);
                json(&MsgStatus {
                    status: StatusKind::RateLimited,
                    message_id: None,
                    client_id,
                    log: None,
                    seq: None,
                    at: self.core.now(),
                    from,
                    to,
                    chat_id,
                    retry_after,
                })
            }
            None => json(&ErrorFrame {
                retry_after,
                ..ErrorFrame::new(ErrorCode::RateLimited, "too many frames; slow down", None)
            }),
        };
        self.write(text).await
    }
}

pub(super) fn destination(to: Recipient) -> Destination {
    match to {
        Recipient::Person(uid) => Destination::Person(uid),
        Recipient::Chat(chat) => Destination::Chat(chat.0),
    }
}

/// The members `to` and `chat_id` of a status: a message to a chat is to nobody but oneself.
fn addressee(own: Uid, to: Destination) -> (Uid, Option<ChatId>) {
    match to {
        Destination::Person(uid) => (uid, None),
        Destination::Chat(log) => (own, Some(ChatId(log))),
    }
}

/// An error frame of a service's refusal; an internal cause is logged here and goes no further.
pub(super) fn refused(error: impl Into<ApiError>, client_id: Option<Uuid>) -> String {
    let error: ApiError = error.into();
    if let Some(cause) = &error.cause {
        tracing::error!(%cause, "frame failed");
    }
    json(&ErrorFrame {
        retry_after: error.retry_after,
        missing: error.missing,
        extra: error.extra,
        ..ErrorFrame::new(error.code, error.detail, client_id)
    })
}

/// Frames are plain structs: serialising them cannot fail.
pub(super) fn json(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).unwrap_or_else(|_| RawValue::NULL.get().to_owned())
}
