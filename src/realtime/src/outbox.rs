//! What waits to be written to one connection: bounded in number and bytes. A connection that falls behind
//! is told to close; the log keeps what it missed.

use std::collections::VecDeque;
use std::sync::Arc;

use bytestring::ByteString;
use melo_protocol::CloseCode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::LiveEvent;

/// Entries waiting for one connection, at most.
const MAX_ENTRIES: usize = 2048;
/// Bytes waiting for one connection, at most. Above one largest frame, so that a single one always fits.
const MAX_BYTES: usize = 4 << 20;

/// Something to write.
#[derive(Debug, Clone)]
pub enum Outbound {
    /// A log event; the connection checks its sequence number first.
    Event(Arc<LiveEvent>),
    /// A finished frame outside any log.
    Frame(ByteString),
    /// The connection's own device published this key.
    KeyPublished(Arc<str>),
}

/// Why and how a connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// For codes of the reconnect range: seconds to wait first.
    pub reason: String,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Outbound>,
    bytes: usize,
    close: Option<Close>,
}

/// The queue between the hub and one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    ready: Notify,
    closing: Notify,
}

impl Outbox {
    /// Queues something; or, when it does not fit, gives the connection up as a slow consumer.
    pub fn offer(&self, outbound: Outbound) {
        let size = match &outbound {
            Outbound::Event(event) => event.size(),
            Outbound::Frame(frame) => frame.len(),
            Outbound::KeyPublished(_) => 0,
        };
        let mut inner = self.inner.lock();
        if inner.close.is_some() {
            return;
        }
        if inner.queue.len() >= MAX_ENTRIES || inner.bytes + size > MAX_BYTES {
            drop(inner);
            self.close(Close {
                code: CloseCode::SlowConsumer,
                reason: "1".to_owned(),
            });
            return;
        }
        inner.bytes += size;
        inner.queue.push_back(outbound);
        drop(inner);
        self.ready.notify_one();
    }

    /// Asks the connection to close. The first reason stands; what was queued is dropped.
    pub fn close(&self, close: Close) {
        let mut inner = self.inner.lock();
        if inner.close.is_none() {
            inner.close = Some(close);
            inner.queue = VecDeque::new();
            inner.bytes = 0;
        }
        drop(inner);
        self.ready.notify_one();
        self.closing.notify_one();
    }

    /// Moves everything queued to the end of `into`; or tells that the connection is to close.
    pub fn drain(&self, into: &mut Vec<Outbound>) -> Option<Close> {
        let mut inner = self.inner.lock();
        if let Some(close) = &inner.close {
            return Some(close.clone());
        }
        inner.bytes = 0;
        if inner.queue.capacity() > 64 {
            into.extend(std::mem::take(&mut inner.queue));
        } else {
            into.extend(inner.queue.drain(..));
        }
        None
    }

    /// Resolves when there is something to drain. One waiter.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Resolves when the connection is to close, even while a write is stuck. One waiter.
    pub async fn closed(&self) -> Close {
        loop {
            if let Some(close) = self.inner.lock().close.clone() {
                return close;
            }
            self.closing.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Outbound {
        Outbound::Frame("x".repeat(bytes).into())
    }

    #[tokio::test]
    async fn keeps_order_and_wakes_the_reader() {
        let outbox = Outbox::default();
        outbox.offer(Outbound::Frame("1".into()));
        outbox.offer(Outbound::Frame("2".into()));
        outbox.ready().await;
        let mut drained = Vec::new();
        assert_eq!(outbox.drain(&mut drained), None);
        let texts: Vec<_> = drained
            .iter()
            .map(|o| match o {
                Outbound::Frame(f) => f.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, ["1", "2"]);
    }

    #[tokio::test]
    async fn a_slow_consumer_is_closed_by_count() {
        let outbox = Outbox::default();
        for _ in 0..=MAX_ENTRIES {
            outbox.offer(frame(1));
        }
        assert_eq!(outbox.closed().await.code, CloseCode::SlowConsumer);
        assert!(outbox.drain(&mut Vec::new()).is_some());
    }

    #[tokio::test]
    async fn a_slow_consumer_is_closed_by_bytes() {
        let outbox = Outbox::default();
        for _ in 0..5 {
            outbox.offer(frame(1 << 20));
        }
        assert_eq!(outbox.closed().await.code, CloseCode::SlowConsumer);
    }

    #[tokio::test]
    async fn the_first_reason_stands() {
        let outbox = Outbox::default();
        outbox.close(Close {
            code: CloseCode::GoingAway,
            reason: "1".into(),
        });
        outbox.close(Close {
            code: CloseCode::SessionRevoked,
            reason: String::new(),
        });
        assert_eq!(outbox.closed().await.code, CloseCode::GoingAway);
    }
}
