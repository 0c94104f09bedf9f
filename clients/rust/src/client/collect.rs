//! Collecting the keys of a chat that were handed out while this device was away, without taking its messages: for
//! what is done without a live connection.

use std::collections::BTreeMap;
use std::time::Duration;

use melo_domain::{LogId, MessageId, Seq};
use tokio::time::timeout;

use super::Inner;
use super::chats::is_not_in;
use super::messages::Origin;
use crate::error::ClientError;
use crate::rest::ApiError;
use crate::socket::{
    self, ChangeFrame, ChangeKind, ConnectError, Connection, Incoming, NoticeKind,
};

/// How long the server may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

impl Inner {
    /// Reads a chat's log from where keys were last collected, and takes the keys in it. Nothing is acknowledged, so
    /// that messages still arrive at the next live connection.
    pub(super) async fn collect_keys(&self, log: LogId) -> Result<(), ClientError> {
        if self.is_engaged() {
            // The live connection takes them.
            return Ok(());
        }
        let from = {
            let state = self.state();
            let cursor = state.cursors.get(&log).copied().unwrap_or(0);
            let collected = state.chats.get(&log).map_or(0, |chat| chat.keys_seq);
            cursor.max(collected)
        };
        let token = self.access_token(None).await?;
        let opening = Connection::open(
            &self.tls,
            self.address.wss(),
            &token,
            &self.user_agent,
            true,
        );
        let mut connection = opening.await.map_err(unreachable)?;
        let done = self.read_keys(&mut connection, log, from).await;
        connection.close().await;
        let seq = done?;
        if let Some(chat) = self.state().chats.get_mut(&log) {
            chat.keys_seq = chat.keys_seq.max(seq);
        }
        self.save().await
    }

    async fn read_keys(
        &self,
        connection: &mut Connection,
        log: LogId,
        from: Seq,
    ) -> Result<Seq, ClientError> {
        let lost = |closed: socket::Closed| ClientError::Api(ApiError::Unreachable(closed.reason));
        // What is written to a connection that never acknowledges counts as received with its pongs; from the first
        // acknowledgement on, even one of nothing, it does not.
        connection.send(socket::ack(log, 0)).await.map_err(lost)?;
        let resume = socket::resume(&BTreeMap::from([(log, from)]));
        connection.send(resume).await.map_err(lost)?;
        loop {
            let batch = timeout(PATIENCE, connection.next_batch()).await;
            let frames = batch
                .map_err(|_| ApiError::Unreachable("no answer in time".to_owned()))?
                .map_err(lost)?;
            for frame in frames {
                match frame {
                    Incoming::Synced(synced) => {
                        return Ok(synced.cursors.get(&log).copied().unwrap_or(from));
                    }
                    Incoming::Change(ChangeKind::ChatKey, frame) if frame.log == log => {
                        self.collect(frame).await?;
                    }
                    Incoming::Chat(NoticeKind::MemberLeft, notice) if notice.log == log => {
                        if let Some(chat) = self.state().chats.get_mut(&log) {
                            chat.somebody_left(notice.seq);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    async fn collect(&self, frame: ChangeFrame) -> Result<(), ClientError> {
        let origin = Origin {
            id: MessageId {
                log: frame.log,
                seq: frame.seq,
            },
            from: frame.from,
            device: frame.device,
            at: frame.at,
            chat: true,
        };
        if let Some(payload) = frame.payload {
            match self.take_key(origin, &payload).await {
                Ok(Ok(_)) => {}
                Ok(Err(refusal)) => tracing::info!(%refusal, "a chat's key was not taken"),
                Err(error) if is_not_in(error.code()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn unreachable(error: ConnectError) -> ClientError {
    match error {
        ConnectError::Untrusted(why) => ClientError::Api(ApiError::Untrusted(why)),
        other => ClientError::Api(ApiError::Unreachable(other.to_string())),
    }
}
