//! The bus carries what happened on one node to the hubs of all. With one node it is a function call.

use std::sync::Arc;

use bytestring::ByteString;
use melo_domain::{DeviceHandle, LogId, Seq, SessionId, Uid};
use parking_lot::RwLock;

use crate::{Close, LiveEvent};

/// What hubs tell each other.
#[derive(Debug, Clone)]
pub enum BusMessage {
    /// An event was committed to a log these people are in.
    Event {
        /// The event.
        event: Arc<LiveEvent>,
        /// Everybody in the log.
        audience: Arc<[Uid]>,
    },
    /// A frame for all connections of a person. Lost when nobody is there.
    ToUser {
        /// Who.
        uid: Uid,
        /// What.
        frame: ByteString,
    },
    /// A frame for all connections of several people. Lost where nobody is there.
    ToUsers {
        /// Who.
        uids: Arc<[Uid]>,
        /// What.
        frame: ByteString,
    },
    /// A device published its key: its connections are handed other entries of envelopes from now on.
    KeyPublished {
        /// Whose.
        uid: Uid,
        /// The device.
        device: DeviceHandle,
        /// The key's name.
        kid: Arc<str>,
    },
    /// These sessions of a person are over: their connections are closed.
    SessionsEnded {
        /// Whose.
        uid: Uid,
        /// Which.
        sessions: Arc<[SessionId]>,
        /// What the connections are told.
        close: Close,
    },
    /// The members, rules or devices of a chat are not what they were: short memories of them are forgotten.
    RoomChanged {
        /// The chat's log.
        log: LogId,
        /// The last change of members.
        members_seq: Seq,
    },
    /// How a person stands to others, or what they let others see, is not what it was: short memories of it
    /// are forgotten.
    RelationsChanged {
        /// Whose.
        uid: Uid,
        /// To whom, where it is about these two.
        peers: Arc<[Uid]>,
    },
}

/// Receives everything that is published.
pub trait BusSubscriber: Send + Sync {
    /// Called in the order of publication; must not block.
    fn receive(&self, message: &BusMessage);
}

/// Carries messages to all hubs. A lost message only delays: the log knows what happened.
pub trait Bus: Send + Sync {
    /// Hands a message to every subscriber, this node's included.
    fn publish(&self, message: BusMessage);
    /// Adds a hub.
    fn subscribe(&self, subscriber: Arc<dyn BusSubscriber>);
}

/// The bus of a single node, and of several hubs in one process.
#[derive(Default)]
pub struct InProcessBus {
    subscribers: RwLock<Vec<Arc<dyn BusSubscriber>>>,
}

impl Bus for InProcessBus {
    fn publish(&self, message: BusMessage) {
        for subscriber in self.subscribers.read().iter() {
            subscriber.receive(&message);
        }
    }

    fn subscribe(&self, subscriber: Arc<dyn BusSubscriber>) {
        self.subscribers.write().push(subscriber);
    }
}
