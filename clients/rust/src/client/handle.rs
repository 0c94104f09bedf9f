//! What a live connection does with the frames that arrive.

use std::time::Duration;

use melo_domain::{LogId, MessageId, Uid};
use melo_protocol::ErrorCode;
use melo_protocol::frame::{
    ErrorFrame, LogEventFrame, MsgStatus, RelayDelivery, StatusKind, Synced,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::Inner;
use super::engine::Engine;
use super::events::{Event, SendError};
use super::messages::Origin;
use super::over::Over;
use crate::crypto::directory::DirectoryError;
use crate::error::ClientError;
use crate::keystore::IncomingRequest;
use crate::socket::{CallIncoming, Connection, Incoming, Place, Unknown};

/// How long to wait when the server asks to slow down without saying for how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(2);

impl Engine {
    /// Handles frames that came together: gives what is new to the application, puts the progress on disk, and
    /// only then acknowledges it.
    pub(super) async fn handle(
        &mut self,
        connection: &mut Connection,
        frames: Vec<Incoming>,
    ) -> Result<(), Over> {
        let mut touched = self.absorb();
        let mut changed = !touched.is_empty();
        for frame in frames {
            match frame {
                Incoming::Delivery(delivery) => {
                    touched.insert(delivery.log);
                    changed |= self.delivery(delivery).await?;
                }
                Incoming::Notice(notice) => {
                    touched.insert(place(&notice).log);
                    changed |= self.notice(notice).await?;
                }
                Incoming::Change(kind, frame) => {
                    touched.insert(frame.log);
                    changed |= self.change(kind, frame).await?;
                }
                Incoming::Chat(kind, notice) => {
                    touched.insert(notice.log);
                    changed |= self.chat_notice(kind, notice).await?;
                }
                Incoming::Call(CallIncoming::Record(record)) => {
                    touched.insert(record.log);
                    changed |= self.call(CallIncoming::Record(record)).await?;
                }
                Incoming::Call(frame) => changed |= self.call(frame).await?,
                Incoming::Status(status) => {
                    if status.status == StatusKind::Queued {
                        touched.extend(status.log);
                        changed = true;
                    }
                    self.status(status).await?;
                }
                Incoming::Synced(synced) => {
                    changed = true;
                    self.synced(synced).await?;
                }
                Incoming::Reset(reset) => {
                    changed = true;
                    touched.insert(reset.log);
                    let before = reset.first_seq.saturating_sub(1);
                    self.progress
                        .skip_to(&mut self.inner.state().cursors, reset.log, before);
                    self.emit(Event::Missed {
                        log: reset.log,
                        first_seq: reset.first_seq,
                    })
                    .await?;
                }
                Incoming::Error(error) => {
                    if self.call_refused(&error).await? {
                        continue;
                    }
                    changed = true;
                    self.error(error).await?;
                }
                Incoming::Unknown(Unknown { kind, place }) => {
                    tracing::debug!(kind, "frame of an unknown type passed over");
                    if let Some(Place { log, seq }) = place {
                        // An event that this version does not know is taken all the same.
                        self.take(MessageId { log, seq });
                        changed = true;
                    }
                }
                Incoming::Pong(_) | Incoming::History(_) => {}
            }
        }
        touched.extend(self.absorb());
        if changed {
            self.inner.save().await?;
        }
        self.acknowledge(connection, touched).await
    }

    pub(super) fn is_known(&self, id: MessageId) -> bool {
        self.progress
            .is_known(&self.inner.state().cursors, id.log, id.seq)
    }

    pub(super) fn take(&mut self, id: MessageId) {
        self.progress
            .take(&mut self.inner.state().cursors, id.log, id.seq);
    }

    /// As [`Self::take`], for an event that was delivered from the log of a chat.
    pub(super) fn take_delivered(&mut self, id: MessageId) {
        self.progress
            .take_delivered(&mut self.inner.state().cursors, id.log, id.seq);
    }

    async fn delivery(&mut self, delivery: RelayDelivery) -> Result<bool, Over> {
        let RelayDelivery {
            log,
            seq,
            from,
            device,
            at,
            payload,
            chat_id,
            ..
        } = delivery;
        let id = MessageId { log, seq };
        if self.is_known(id) {
            return Ok(false);
        }
        let origin = Origin {
            id,
            from,
            device,
            at,
            chat: chat_id.is_some(),
        };
        if origin.chat {
            self.chat_delivery(origin, payload).await?;
            return Ok(true);
        }
        let message = self.inner.read_message(origin, &payload).await?;
        self.emit(Event::Message(message)).await?;
        self.take(id);
        Ok(true)
    }

    async fn notice(&mut self, notice: LogEventFrame<'static>) -> Result<bool, Over> {
        let id = place(&notice);
        if self.is_known(id) {
            return Ok(false);
        }
        let event = match notice {
            LogEventFrame::SubscriptionRequest {
                from_id,
                from_phone,
                at,
                ..
            } => {
                let phone = from_phone.map(std::borrow::Cow::into_owned);
                let request = IncomingRequest {
                    phone: phone.clone(),
                    at,
                };
                self.inner.state().requests.insert(from_id, request);
                Event::ContactRequest {
                    from: from_id,
                    phone,
                }
            }
            LogEventFrame::SubscriptionConfirmed { from_id, .. } => {
                self.inner.refresh_contacts().await?;
                Event::ContactConfirmed { from: from_id }
            }
            LogEventFrame::NewDevice {
                device,
                device_name,
                ip_address,
                ..
            } => Event::NewDevice {
                device,
                name: device_name.into_owned(),
                address: ip_address.into_owned(),
            },
            LogEventFrame::SecurityAlert { alert, device, .. } => Event::SecurityAlert {
                alert: alert.into_owned(),
                device,
            },
            LogEventFrame::KeysChanged {
                user_id, version, ..
            } => {
                let identity_changed = self.keys_changed(user_id, version).await;
                if version <= 1 && !identity_changed {
                    // A first device is no news.
                    self.take(id);
                    return Ok(true);
                }
                Event::KeysChanged {
                    uid: user_id,
                    identity_changed,
                }
            }
            LogEventFrame::AccountDeleted { user_id, .. } => {
                self.inner.refresh_contacts().await?;
                if let Some(person) = self.inner.state().people.get_mut(&user_id) {
                    person.stale = true;
                }
                Event::ContactGone { uid: user_id }
            }
        };
        self.emit(event).await?;
        self.take(id);
        Ok(true)
    }

    /// Fetches a person's keys anew. Whether the identity is another one is for this client to see, not for
    /// the server to say.
    pub(super) async fn keys_changed(&self, uid: Uid, version: u64) -> bool {
        if let Some(person) = self.inner.state().people.get_mut(&uid) {
            if !person.stale && version > 0 && person.version() >= version {
                // Told before, in another log.
                return false;
            }
            person.stale = true;
        }
        match self.inner.refresh_person(uid).await {
            Ok(_) => false,
            Err(ClientError::Directory { error, .. }) => error == DirectoryError::IdentityChanged,
            Err(ClientError::OwnIdentityChanged(_)) => true,
            Err(error) => {
                tracing::info!(%error, "keys are fetched when they are needed");
                false
            }
        }
    }

    async fn status(&mut self, status: MsgStatus) -> Result<(), Over> {
        match (status.status, status.client_id) {
            (StatusKind::RateLimited, Some(client_id)) => {
                self.in_flight.remove(&client_id);
                self.slow_down(status.retry_after);
                return Ok(());
            }
            (StatusKind::Queued, Some(client_id)) => {
                self.in_flight.remove(&client_id);
                self.inner.leave_outbox(client_id);
            }
            _ => {}
        }
        let (Some(log), Some(seq)) = (status.log, status.seq) else {
            return Ok(());
        };
        let id = MessageId { log, seq };
        if status.status == StatusKind::Queued {
            if self.is_known(id) {
                return Ok(());
            }
            if status.chat_id.is_some() {
                let cursors = &mut self.inner.state().cursors;
                self.progress.take_own(cursors, log, seq);
            } else {
                self.take(id);
            }
        }
        let MsgStatus {
            client_id,
            status,
            to,
            at,
            chat_id,
            ..
        } = status;
        self.emit(Event::Status {
            client_id,
            status,
            to,
            chat: chat_id.map(|chat| chat.0),
            log,
            seq,
            at,
        })
        .await
    }

    async fn synced(&mut self, synced: Synced) -> Result<(), Over> {
        for (log, seq) in synced.cursors {
            self.progress
                .skip_to(&mut self.inner.state().cursors, log, seq);
        }
        if self.progress.is_synced() {
            return Ok(());
        }
        self.awaited_syncs = self.awaited_syncs.saturating_sub(1);
        if self.awaited_syncs == 0 {
            self.caught_up();
            self.emit(Event::Synced).await?;
        }
        Ok(())
    }

    fn slow_down(&mut self, retry_after: Option<u64>) {
        let wait = retry_after.map_or(DEFAULT_PAUSE, Duration::from_secs);
        self.paused_until = Some(Instant::now() + wait);
    }

    async fn error(&mut self, error: ErrorFrame) -> Result<(), Over> {
        let Some(client_id) = error.client_id else {
            tracing::warn!(code = error.code.as_str(), "the server refused a frame");
            return Ok(());
        };
        self.in_flight.remove(&client_id);
        if matches!(error.code, ErrorCode::DeviceMismatch | ErrorCode::StaleKey) {
            return self.mend(client_id, error).await;
        }
        if error.retryable {
            self.slow_down(error.retry_after);
            return Ok(());
        }
        let ErrorFrame { code, detail, .. } = error;
        self.give_up(client_id, SendError::Refused { code, detail })
            .await
    }

    /// The devices or the key are others than the message was sealed for.
    async fn mend(&mut self, client_id: Uuid, error: ErrorFrame) -> Result<(), Over> {
        let Some(outgoing) = self.inner.waiting(client_id) else {
            return Ok(());
        };
        let ErrorFrame {
            code,
            detail,
            missing,
            ..
        } = error;
        if !Inner::is_mendable(&outgoing, Some(code)) {
            return self
                .give_up(client_id, SendError::Refused { code, detail })
                .await;
        }
        match self.inner.mend(&outgoing, Some(code), &missing).await {
            Ok(()) => Ok(()),
            Err(error) => self.not_sealed(client_id, error).await,
        }
    }

    /// It could not be sealed: not now, or never.
    pub(super) async fn not_sealed(
        &mut self,
        client_id: Uuid,
        error: ClientError,
    ) -> Result<(), Over> {
        if error.is_transient() {
            self.slow_down(None);
            return Ok(());
        }
        self.give_up(client_id, SendError::Seal(error)).await
    }

    async fn give_up(&mut self, client_id: Uuid, error: SendError) -> Result<(), Over> {
        self.inner.leave_outbox(client_id);
        self.emit(Event::SendFailed { client_id, error }).await
    }
}

/// Where a notice stands.
fn place(notice: &LogEventFrame<'_>) -> MessageId {
    let (log, seq): (LogId, _) = match notice {
        LogEventFrame::SubscriptionRequest { log, seq, .. }
        | LogEventFrame::SubscriptionConfirmed { log, seq, .. }
        | LogEventFrame::KeysChanged { log, seq, .. }
        | LogEventFrame::NewDevice { log, seq, .. }
        | LogEventFrame::SecurityAlert { log, seq, .. }
        | LogEventFrame::AccountDeleted { log, seq, .. } => (*log, *seq),
    };
    MessageId { log, seq }
}
