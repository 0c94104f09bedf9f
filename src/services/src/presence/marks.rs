//! What lies in a person's entry of the short-lived store, and what follows from it.

use std::collections::HashMap;
use std::time::Duration;

use melo_domain::{DeviceHandle, LogId, PresenceStatus, Timestamp, Uid};
use melo_ephemeral::{EphemeralError, Kind};
use serde::{Deserialize, Serialize};

use crate::Core;
use crate::messages::Destination;

/// How long somebody counts as writing after they said so.
pub(crate) const TYPING_LIFE: Duration = Duration::from_secs(10);

/// One lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mark {
    /// A device is connected to a node.
    Connected { node: u64, device: DeviceHandle },
    /// A device says so of itself; of one that is connected it counts in place of being online.
    Declared {
        device: DeviceHandle,
        status: PresenceStatus,
        at: Timestamp,
        until: Timestamp,
    },
    /// They are writing to somebody.
    WritingTo { uid: Uid },
    /// They are writing in a chat.
    WritingIn { log: LogId },
    /// What contacts were last told; offline where there is none.
    Told { status: PresenceStatus },
}

impl Mark {
    pub(crate) fn writing(place: Destination) -> Self {
        match place {
            Destination::Person(uid) => Self::WritingTo { uid },
            Destination::Chat(log) => Self::WritingIn { log },
        }
    }

    /// Its holder: what replaces it has the same.
    fn holder(&self) -> String {
        match self {
            Self::Connected { node, device } => format!("connected {node:x} {device}"),
            Self::Declared { device, .. } => format!("declared {device}"),
            Self::WritingTo { uid } => format!("to {uid}"),
            Self::WritingIn { log } => format!("in {log}"),
            Self::Told { .. } => "told".to_owned(),
        }
    }
}

/// A person's entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    pub status: PresenceStatus,
    /// Since when they are away.
    pub away_since: Option<Timestamp>,
    /// When what they said of themselves ends, where nothing but that says that they are there.
    pub until: Option<Timestamp>,
    /// Their connected devices.
    pub devices: Vec<DeviceHandle>,
    /// Where they are writing.
    pub writing: Vec<Destination>,
    /// What contacts were last told.
    pub told: PresenceStatus,
}

impl Live {
    fn of(marks: &[Mark]) -> Self {
        let mut live = Self::default();
        let mut declared = HashMap::new();
        for mark in marks {
            match *mark {
                Mark::Connected { device, .. } => live.devices.push(device),
                Mark::Declared {
                    device,
                    status,
                    at,
                    until,
                } => {
                    declared.insert(device, (status, at, until));
                }
                Mark::WritingTo { uid } => live.writing.push(Destination::Person(uid)),
                Mark::WritingIn { log } => live.writing.push(Destination::Chat(log)),
                Mark::Told { status } => live.told = status,
            }
        }
        live.devices.sort_unstable();
        live.devices.dedup();
        let silent = |device: &&DeviceHandle| !declared.contains_key(*device);
        if live.devices.iter().any(|device| silent(&device)) {
            live.status = PresenceStatus::Online;
            return live;
        }
        for (status, at, _) in declared.values() {
            live.status = live.status.max(*status);
            if *status == PresenceStatus::Away {
                live.away_since = live.away_since.max(Some(*at));
            }
        }
        if live.status != PresenceStatus::Away {
            live.away_since = None;
        }
        let own = declared
            .iter()
            .filter(|(device, _)| !live.devices.contains(device));
        live.until = own.map(|(_, (_, _, until))| *until).min();
        live
    }
}

fn id(uid: Uid) -> Vec<u8> {
    uid.to_string().into_bytes()
}

/// The entries of these people, asked for at once; who has none is not there.
pub(crate) async fn read(core: &Core, uids: &[Uid]) -> Result<HashMap<Uid, Live>, EphemeralError> {
    let ids: Vec<Vec<u8>> = uids.iter().map(|uid| id(*uid)).collect();
    let entries = core.ephemeral.leases(Kind::Presence, &ids).await?;
    let mut found = HashMap::with_capacity(uids.len());
    for (uid, values) in uids.iter().zip(entries) {
        // A value of another version of this server says nothing to this one.
        let marks: Vec<Mark> = values
            .iter()
            .filter_map(|value| serde_json::from_slice(value).ok())
            .collect();
        found.insert(*uid, Live::of(&marks));
    }
    Ok(found)
}

/// Writes a mark for so long, in the place of an earlier one of its holder.
pub(crate) async fn put_mark(
    core: &Core,
    uid: Uid,
    mark: Mark,
    ttl: Duration,
) -> Result<(), EphemeralError> {
    // Plain numbers and names always serialise.
    let value = serde_json::to_vec(&mark).unwrap_or_default();
    let holder = mark.holder();
    core.ephemeral
        .lease(Kind::Presence, &id(uid), holder.as_bytes(), &value, ttl)
        .await
}

/// Takes the mark of that holder away.
pub(crate) async fn end_mark(core: &Core, uid: Uid, mark: Mark) -> Result<(), EphemeralError> {
    let holder = mark.holder();
    core.ephemeral
        .end_lease(Kind::Presence, &id(uid), holder.as_bytes())
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use PresenceStatus::{Away, Offline, Online};

    fn device(n: u64) -> DeviceHandle {
        DeviceHandle::from_random(n * 2)
    }

    fn connected(n: u64) -> Mark {
        Mark::Connected {
            node: 7,
            device: device(n),
        }
    }

    fn declared(n: u64, status: PresenceStatus) -> Mark {
        Mark::Declared {
            device: device(n),
            status,
            at: Timestamp::from_millis(5),
            until: Timestamp::from_millis(90),
        }
    }

    #[test]
    fn the_most_present_device_counts() {
        let table: [(&[Mark], PresenceStatus); 9] = [
            (&[], Offline),
            (&[connected(1)], Online),
            (&[connected(1), declared(1, Away)], Away),
            (&[connected(1), declared(1, Offline)], Offline),
            (&[connected(1), declared(1, Offline), connected(2)], Online),
            (
                &[connected(1), declared(1, Away), declared(2, Online)],
                Online,
            ),
            (&[declared(2, Online)], Online),
            (&[declared(2, Away), declared(1, Offline)], Away),
            (&[Mark::Told { status: Online }], Offline),
        ];
        for (marks, status) in table {
            let live = Live::of(marks);
            assert_eq!(live.status, status, "{marks:?}");
            let away = (status == Away).then_some(Timestamp::from_millis(5));
            assert_eq!(live.away_since, away, "{marks:?}");
        }
    }

    #[test]
    fn marks_read_back() {
        for mark in [
            connected(1),
            declared(1, Away),
            Mark::writing(Destination::Person(Uid::from_random(3))),
            Mark::writing(Destination::Chat(LogId::from_random(3))),
            Mark::Told { status: Online },
        ] {
            let text = serde_json::to_vec(&mark).unwrap();
            assert_eq!(serde_json::from_slice::<Mark>(&text).unwrap(), mark);
        }
    }
}
