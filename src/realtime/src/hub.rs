//! The live connections of this node.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use melo_domain::{DeviceHandle, SessionId, Uid};

use crate::{Budget, BusMessage, BusSubscriber, Close, Outbound, Outbox};

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub uid: Uid,
    /// The device.
    pub device: DeviceHandle,
    /// The session it was opened in.
    pub session: SessionId,
}

#[derive(Debug)]
struct Connection {
    id: u64,
    device: DeviceHandle,
    session: SessionId,
    outbox: Arc<Outbox>,
}

#[derive(Debug, Default)]
struct Person {
    connections: Vec<Connection>,
}

/// How long a person's frame budget is kept after its last connection: longer than any budget takes to
/// recover, so that reconnecting gains nothing.
const BUDGET_IDLE: Duration = Duration::from_secs(15 * 60);

/// Why a connection was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The address has as many as it may.
    #[error("too many connections from this address")]
    TooManyFromAddress,
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
}

/// Knows who is connected here, and hands each connection what concerns it.
#[derive(Debug)]
pub struct Hub {
    people: DashMap<Uid, Person>,
    addresses: DashMap<IpAddr, usize>,
    budgets: moka::sync::Cache<Uid, Arc<Budget>>,
    per_address: usize,
    total: AtomicUsize,
    next_id: AtomicU64,
    stopping: std::sync::OnceLock<Close>,
}

impl Hub {
    /// A hub that takes `per_address` connections from one address at most.
    pub fn new(per_address: usize) -> Self {
        Self {
            people: DashMap::new(),
            addresses: DashMap::new(),
            budgets: moka::sync::Cache::builder()
                .max_capacity(1_000_000)
                .time_to_idle(BUDGET_IDLE)
                .build(),
            per_address,
            total: AtomicUsize::new(0),
            next_id: AtomicU64::new(1),
            stopping: std::sync::OnceLock::new(),
        }
    }

    /// Adds a connection; it is there until the registration is dropped.
    pub fn register(
        self: &Arc<Self>,
        member: Member,
        address: IpAddr,
        outbox: Arc<Outbox>,
    ) -> Result<Registration, Refused> {
        let uid = member.uid;
        {
            let mut count = self.addresses.entry(address).or_insert(0);
            if *count >= self.per_address {
                return Err(Refused::TooManyFromAddress);
            }
            *count += 1;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let budget = self.budgets.get_with(uid, Arc::default);
        self.people
            .entry(uid)
            .or_default()
            .connections
            .push(Connection {
                id,
                device: member.device,
                session: member.session,
                outbox: Arc::clone(&outbox),
            });
        self.total.fetch_add(1, Ordering::Relaxed);
        let registration = Registration {
            hub: Arc::clone(self),
            uid,
            address,
            id,
            budget,
        };
        // Looked at after the connection is in the map: one that arrives during the stop is either found by
        // `stop` or sees it here.
        if self.stopping.get().is_some() {
            return Err(Refused::Stopping);
        }
        Ok(registration)
    }

    /// Closes all connections and takes no more.
    pub fn stop(&self, close: &Close) {
        let _ = self.stopping.set(close.clone());
        for person in &self.people {
            for connection in &person.connections {
                connection.outbox.close(close.clone());
            }
        }
    }

    /// Whether the person has a connection here.
    pub fn is_online(&self, uid: Uid) -> bool {
        self.people
            .get(&uid)
            .is_some_and(|p| !p.connections.is_empty())
    }

    /// Live connections.
    pub fn connections(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }

    fn offer(&self, uid: Uid, outbound: &Outbound, only: Option<DeviceHandle>) {
        if let Some(person) = self.people.get(&uid) {
            for connection in &person.connections {
                if only.is_none_or(|device| device == connection.device) {
                    connection.outbox.offer(outbound.clone());
                }
            }
        }
    }

    fn end_sessions(&self, uid: Uid, sessions: &[SessionId], close: &Close) {
        if let Some(person) = self.people.get(&uid) {
            for connection in &person.connections {
                if sessions.contains(&connection.session) {
                    connection.outbox.close(close.clone());
                }
            }
        }
    }

    fn remove(&self, uid: Uid, address: IpAddr, id: u64) {
        if let Some(mut person) = self.people.get_mut(&uid) {
            person.connections.retain(|c| c.id != id);
        }
        self.people
            .remove_if(&uid, |_, person| person.connections.is_empty());
        if let Some(mut count) = self.addresses.get_mut(&address) {
            *count = count.saturating_sub(1);
        }
        self.addresses.remove_if(&address, |_, count| *count == 0);
        self.total.fetch_sub(1, Ordering::Relaxed);
    }
}

impl BusSubscriber for Hub {
    fn receive(&self, message: &BusMessage) {
        match message {
            BusMessage::Event { event, audience } => {
                let outbound = Outbound::Event(Arc::clone(event));
                for uid in audience.iter() {
                    self.offer(*uid, &outbound, None);
                }
            }
            BusMessage::ToUser { uid, frame } => {
                self.offer(*uid, &Outbound::Frame(frame.clone()), None);
            }
            BusMessage::ToUsers { uids, frame } => {
                let outbound = Outbound::Frame(frame.clone());
                for uid in uids.iter() {
                    self.offer(*uid, &outbound, None);
                }
            }
            BusMessage::KeyPublished { uid, device, kid } => {
                self.offer(
                    *uid,
                    &Outbound::KeyPublished(Arc::clone(kid)),
                    Some(*device),
                );
            }
            BusMessage::SessionsEnded {
                uid,
                sessions,
                close,
            } => self.end_sessions(*uid, sessions, close),
            BusMessage::RelationsChanged { .. } | BusMessage::RoomChanged { .. } => {}
        }
    }
}

/// A connection's place in the hub.
#[derive(Debug)]
pub struct Registration {
    hub: Arc<Hub>,
    uid: Uid,
    address: IpAddr,
    id: u64,
    budget: Arc<Budget>,
}

impl Registration {
    /// The person's shared frame budget.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The connection goes on under another session of the same device.
    pub fn set_session(&self, session: SessionId) {
        if let Some(mut person) = self.hub.people.get_mut(&self.uid) {
            let own = person.connections.iter_mut().find(|c| c.id == self.id);
            if let Some(connection) = own {
                connection.session = session;
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.remove(self.uid, self.address, self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use melo_protocol::CloseCode;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn member(uid: Uid, n: u64) -> Member {
        Member {
            uid,
            device: DeviceHandle::from_random(n * 2),
            session: SessionId::from_random(n * 2),
        }
    }

    fn texts(outbox: &Outbox) -> Vec<String> {
        let mut drained = Vec::new();
        outbox.drain(&mut drained);
        drained
            .into_iter()
            .map(|o| match o {
                Outbound::Frame(f) => f.to_string(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn every_device_of_a_person_gets_a_frame_and_nobody_else() {
        let hub = Arc::new(Hub::new(10));
        let (anna, boris) = (Uid::from_random(1), Uid::from_random(2));
        let boxes: Vec<_> = (0..3).map(|_| Arc::new(Outbox::default())).collect();
        let _a1 = hub
            .register(member(anna, 1), HERE, Arc::clone(&boxes[0]))
            .unwrap();
        let a2 = hub
            .register(member(anna, 2), HERE, Arc::clone(&boxes[1]))
            .unwrap();
        let _b = hub
            .register(member(boris, 3), HERE, Arc::clone(&boxes[2]))
            .unwrap();
        hub.receive(&BusMessage::ToUser {
            uid: anna,
            frame: "hi".into(),
        });
        assert_eq!(texts(&boxes[0]), ["hi"]);
        assert_eq!(texts(&boxes[1]), ["hi"]);
        assert!(texts(&boxes[2]).is_empty());
        drop(a2);
        assert!(hub.is_online(anna));
        assert_eq!(hub.connections(), 2);
    }

    #[test]
    fn an_address_has_so_many_and_gets_its_place_back() {
        let hub = Arc::new(Hub::new(1));
        let uid = Uid::from_random(1);
        let first = hub.register(member(uid, 1), HERE, Arc::default()).unwrap();
        assert_eq!(
            hub.register(member(uid, 2), HERE, Arc::default())
                .unwrap_err(),
            Refused::TooManyFromAddress
        );
        drop(first);
        assert!(!hub.is_online(uid));
        assert!(hub.register(member(uid, 2), HERE, Arc::default()).is_ok());
    }

    #[tokio::test]
    async fn ending_a_session_closes_its_connections_and_no_others() {
        let hub = Arc::new(Hub::new(5));
        let uid = Uid::from_random(1);
        let boxes: Vec<_> = (0..3).map(|_| Arc::new(Outbox::default())).collect();
        let mut kept = Vec::new();
        for (n, outbox) in (1..).zip(&boxes) {
            let one = hub.register(member(uid, n), HERE, Arc::clone(outbox));
            kept.push(one.unwrap());
        }
        kept[2].set_session(member(uid, 1).session);
        let close = Close {
            code: CloseCode::SessionRevoked,
            reason: String::new(),
        };
        hub.receive(&BusMessage::SessionsEnded {
            uid,
            sessions: [member(uid, 1).session, member(uid, 3).session].into(),
            close: close.clone(),
        });
        assert_eq!(boxes[0].drain(&mut Vec::new()), Some(close.clone()));
        assert_eq!(boxes[1].drain(&mut Vec::new()), None);
        assert_eq!(boxes[2].drain(&mut Vec::new()), Some(close));
    }

    #[tokio::test]
    async fn stopping_closes_all_and_takes_no_more() {
        let hub = Arc::new(Hub::new(5));
        let outbox = Arc::new(Outbox::default());
        let uid = Uid::from_random(1);
        let _kept = hub
            .register(member(uid, 1), HERE, Arc::clone(&outbox))
            .unwrap();
        hub.stop(&Close {
            code: CloseCode::GoingAway,
            reason: "2".into(),
        });
        assert_eq!(outbox.closed().await.code, CloseCode::GoingAway);
        assert_eq!(
            hub.register(member(uid, 2), HERE, Arc::default())
                .unwrap_err(),
            Refused::Stopping
        );
        assert_eq!(hub.connections(), 1);
    }
}
